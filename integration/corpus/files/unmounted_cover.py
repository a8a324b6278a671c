"""Takes mounts away to see what lies below them: /proc, scratch, devices, the root itself."""
# walls: seccomp capabilities landlock
# observe: word
# depth: yes
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
FORCE, DETACH, EXPIRE, NOFOLLOW = 1, 2, 4, 8

for point in ("/proc", "/tmp", "/dev/shm", "/sandbox", "/outputs", "/dev/null", "/usr", "/etc/ld.so.cache", "/"):
    for flags in (0, FORCE, DETACH, EXPIRE, DETACH | NOFOLLOW):
        if libc.umount2(point.encode(), flags) == 0:
            gained(f"{point} was unmounted ({flags})")
        else:
            tried(f"{point} ({flags}): {os.strerror(ctypes.get_errno())}")
