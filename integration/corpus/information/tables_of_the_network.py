"""Reads the tables of /proc/PID/net for the host's sockets, interfaces, routes and neighbours."""
# walls: network_namespace proc landlock
# observe: word unread
# depth: yes
import os

# What an empty namespace may show: headings, loopback, and this run's own sockets, which have no name.
for number in ("self", "1", str(aim.victim)):
    directory = f"/proc/{number}/net"
    try:
        names = os.listdir(directory)
    except OSError as error:
        tried(f"{directory}: {error.strerror}")
        continue
    tried(f"{directory}: {len(names)} tables")
    for name in ("unix", "tcp", "tcp6", "udp", "udp6", "dev", "route", "arp", "fib_trie", "netlink", "if_inet6"):
        try:
            with open(f"{directory}/{name}") as file:
                lines = file.read().splitlines()
        except OSError as error:
            tried(f"{directory}/{name}: {error.strerror}")
            continue
        loot("\n".join(lines)[:16384])
        if name == "unix" and any(len(line.split()) > 7 for line in lines[1:]):
            gained(f"{directory}/unix names sockets: {lines[1:4]}")
        if name == "dev" and any(line.split(":")[0].strip() != "lo" for line in lines[2:]):
            gained(f"{directory}/dev shows interfaces: {lines[2:5]}")
        if name in ("route", "arp") and len(lines) > 1:
            gained(f"{directory}/{name} is not empty: {lines[1:3]}")
