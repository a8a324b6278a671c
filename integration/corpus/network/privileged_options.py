"""Sets the socket options that need network administration: marks, transparent sockets, packet tables."""
# walls: capabilities
# observe: word
# depth: yes
import socket

options = {
    "mark": (socket.SOL_SOCKET, 36, 1), "priority": (socket.SOL_SOCKET, 12, 7),
    "receive buffer by force": (socket.SOL_SOCKET, 33, 1 << 30),
    "send buffer by force": (socket.SOL_SOCKET, 32, 1 << 30),
    "debug": (socket.SOL_SOCKET, 1, 1), "transparent": (socket.IPPROTO_IP, 19, 1),
    "replace packet tables": (socket.IPPROTO_IP, 64, bytes(96)),
    "transparent, IPv6": (socket.IPPROTO_IPV6, 75, 1),
    "repair": (socket.IPPROTO_TCP, 19, 1),
}
for name, (level, option, value) in options.items():
    family = socket.AF_INET6 if level == socket.IPPROTO_IPV6 else socket.AF_INET
    with socket.socket(family) as holder:
        try:
            holder.setsockopt(level, option, value)
            gained(f"{name}: set")
        except OSError as error:
            tried(f"{name}: {error}")
