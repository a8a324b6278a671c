"""Looks for a way to the host's name servers, by datagram and by stream."""
# walls: network_namespace
# observe: word
import socket

servers = {"127.0.0.53", "127.0.0.1", "8.8.8.8"}
try:
    with open("/etc/resolv.conf") as file:
        words = [line.split() for line in file]
    servers.update(line[1] for line in words if len(line) > 1 and line[0] == "nameserver")
except OSError as error:
    tried(f"/etc/resolv.conf: {error}")
for server in sorted(servers):
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        try:
            with socket.socket(family, kind) as probe:
                probe.settimeout(2)
                probe.connect((server, 53))
            gained(f"{server} can be reached by {kind}")
        except ConnectionRefusedError:
            gained(f"{server} has a route, and nobody listens")
        except OSError as error:
            tried(f"{server}: {error}")
