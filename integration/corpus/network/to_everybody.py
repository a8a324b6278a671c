"""Sends datagrams to everybody: broadcast, multicast and the networks next door."""
# walls: network_namespace
# observe: word unheard
import socket

groups = [
    "127.255.255.255", "255.255.255.255", "224.0.0.1", "239.255.255.250", "10.255.255.255", "172.17.255.255",
]
for group in groups:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        try:
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 0)
            # A connected datagram socket has a route, and sends nothing.
            sender.connect((group, aim.udp4[1]))
            gained(f"a route to {group} from {sender.getsockname()[0]}")
        except OSError as error:
            tried(f"{group}: {error}")
