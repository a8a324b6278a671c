"""Opens raw sockets and ping sockets of IPv4 and IPv6."""
# walls: seccomp
# observe: word
import errno
import socket

attempts = [
    (family, kind, protocol)
    for family, ping in ((socket.AF_INET, 1), (socket.AF_INET6, 58))
    for kind, protocol in ((socket.SOCK_RAW, ping), (socket.SOCK_RAW, 255), (socket.SOCK_DGRAM, ping))
]
for attempt in attempts:
    try:
        socket.socket(*attempt).close()
        gained(f"a socket {attempt}")
    except OSError as error:
        tried(f"{attempt}: {error}")
        # Without the filter the kernel answers pings' own way: EACCES.
        if error.errno not in (errno.EPERM, errno.ENOSYS):
            gained(f"{attempt} reached the kernel: {error.strerror}")
