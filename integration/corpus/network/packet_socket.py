"""Opens packet sockets, which read and write whole frames on an interface."""
# walls: seccomp capabilities
# observe: word
# depth: yes
import socket

PACKET, EVERYTHING = 17, 0x0300
for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM, 10):
    try:
        with socket.socket(PACKET, kind, EVERYTHING) as sniffer:
            gained(f"a packet socket: {sniffer}")
    except OSError as error:
        tried(f"{kind}: {error}")
