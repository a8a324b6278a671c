"""Mounts the root, the library and scratch again without what keeps them read-only, nosuid and noexec."""
# walls: seccomp capabilities landlock root
# observe: word
# depth: yes
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
REMOUNT, BIND, RECURSIVE = 32, 4096, 16384

points = ["/", "/usr", "/tmp", "/sandbox", "/proc", "/dev/null", os.path.dirname(os.__file__)]
try:
    with open("/proc/self/mountinfo") as table:
        points += [line.split()[4] for line in table]
except OSError as error:
    tried(f"/proc/self/mountinfo: {error.strerror}")

for point in dict.fromkeys(points):
    for name, flags in (("mount", REMOUNT | BIND), ("file system", REMOUNT), ("tree", REMOUNT | BIND | RECURSIVE)):
        if libc.mount(b"none", point.encode(), None, ctypes.c_ulong(flags), None) == 0:
            gained(f"{name} at {point} was mounted again")
        else:
            tried(f"{name} at {point}: {os.strerror(ctypes.get_errno())}")
