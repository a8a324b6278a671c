"""Calls the hypervisor and the machine itself by vsock."""
# walls: seccomp
# observe: word
import errno
import socket

VSOCK = 40
HYPERVISOR, LOCAL, HOST = 0, 1, 2
for context in (HYPERVISOR, LOCAL, HOST):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        try:
            with socket.socket(VSOCK, kind) as call:
                gained(f"a vsock socket of kind {kind}")
                call.settimeout(2)
                call.connect((context, 1024))
        except OSError as error:
            tried(f"{context} by {kind}: {error}")
            if error.errno not in (errno.EPERM, errno.ENOSYS):
                gained(f"vsock was looked for: {error.strerror}")
