"""Locks, leases and marks files that all runs and the host share, so that others would have to wait."""
# walls: seccomp root
# observe: word neighbour
# depth: yes
import fcntl
import json
import os
import struct

F_SETLEASE, F_NOTIFY, F_OFD_SETLK = 1024, 1026, 37
whole = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0)

held = []
for path in (os.__file__, json.__file__, "/etc/passwd", "/dev/null"):
    descriptor = os.open(path, os.O_RDONLY)
    held.append(descriptor)
    try:
        # Advisory, and gone with the run: nothing that reads the file notices.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        tried(f"flock of {path}: locked")
    except OSError as error:
        tried(f"flock of {path}: {error.strerror}")
    for name, attempt in (
        ("a lock to write", lambda: fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)),
        ("a lock of the open file", lambda: fcntl.fcntl(descriptor, F_OFD_SETLK, whole)),
        ("a lease", lambda: fcntl.fcntl(descriptor, F_SETLEASE, fcntl.F_RDLCK)),
        ("a notice", lambda: fcntl.fcntl(descriptor, F_NOTIFY, 0x80000001)),
    ):
        try:
            attempt()
            gained(f"{name} on {path}")
        except OSError as error:
            tried(f"{name} on {path}: {error.strerror}")
