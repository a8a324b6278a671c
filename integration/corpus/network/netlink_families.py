"""Opens every other kind of netlink socket: audit, diagnosis, packet filter, device events, generic."""
# walls: seccomp
# observe: word
import errno
import socket

NETLINK = 16
for family in range(32):
    for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM):
        try:
            socket.socket(NETLINK, kind, family).close()
            gained(f"a netlink socket of family {family}")
        except OSError as error:
            tried(f"family {family}: {error.strerror}")
            if error.errno not in (errno.EPERM, errno.ENOSYS):
                gained(f"family {family} was looked for")
