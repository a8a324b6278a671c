"""Leaves sockets and whatever devices it can make in /outputs."""
# walls: root seccomp
# observe: word kept
# depth: yes
import os
import socket
import stat

listener = socket.socket(socket.AF_UNIX)
try:
    listener.bind("/outputs/socket")
    listener.listen()
    tried("a socket listens in /outputs")
except OSError as error:
    tried(f"a socket in /outputs: {error.strerror}")

for name, kind, device in (
    ("null", stat.S_IFCHR, os.makedev(1, 3)),
    ("memory", stat.S_IFCHR, os.makedev(1, 1)),
    ("log", stat.S_IFCHR, os.makedev(1, 11)),
    ("terminal", stat.S_IFCHR, os.makedev(5, 0)),
    ("whiteout", stat.S_IFCHR, os.makedev(0, 0)),
    ("disk", stat.S_IFBLK, os.makedev(8, 0)),
):
    try:
        os.mknod(f"/outputs/{name}", kind | 0o666, device)
        gained(f"a device: {name}")
    except OSError as error:
        tried(f"a device, {name}: {error.strerror}")
