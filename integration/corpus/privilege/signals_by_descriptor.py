"""Makes others the owners of its descriptors, so that the kernel signals them when something happens there."""
# walls: pid_namespace landlock_scope
# observe: unharmed word
# depth: yes
import fcntl
import os
import signal
import socket
import struct

F_SETSIG, F_SETOWN_EX = 10, 15

for owner in (aim.victim, -aim.victim, 1, -1, os.getppid()):
    one, other = socket.socketpair()
    for name, attempt in (
        ("F_SETOWN", lambda: fcntl.fcntl(one, fcntl.F_SETOWN, owner)),
        ("F_SETOWN_EX", lambda: fcntl.fcntl(one, F_SETOWN_EX, struct.pack("ii", 1, abs(owner)))),
        ("F_SETOWN_EX of a group", lambda: fcntl.fcntl(one, F_SETOWN_EX, struct.pack("ii", 2, abs(owner)))),
    ):
        try:
            attempt()
            fcntl.fcntl(one, F_SETSIG, signal.SIGKILL)
            fcntl.fcntl(one, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
            told = fcntl.fcntl(one, fcntl.F_GETOWN)
            # A peer of its own in the same sandbox would be no harm, so only strangers are aimed at.
            if told not in (0, 1, -1):
                gained(f"{name} {owner}: the owner is {told}")
            if owner not in (-1, os.getpgid(0), -os.getpgid(0)):
                other.send(b"x")
            tried(f"{name} {owner}: owner {told}")
        except OSError as error:
            tried(f"{name} {owner}: {error.strerror}")
    one.close()
    other.close()
