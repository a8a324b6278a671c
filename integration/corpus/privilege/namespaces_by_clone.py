"""Forks children into new namespaces by clone, with the flags also where a filter might not look."""
# walls: seccomp
# observe: word
import ctypes
import os
import platform
import signal

libc = ctypes.CDLL(None, use_errno=True)
CLONE = 220 if platform.machine() == "aarch64" else 56
FLAGS = (
    0x10000000, 0x20000, 0x20000000, 0x40000000, 0x8000000, 0x4000000, 0x2000000, 0x7E020000,
    0x10000000 | 1 << 32, 0x10000000 | 1 << 63, 0x10000000 | 0xFF00, 0x10000000 | 0x8000,
)
for flags in FLAGS:
    # The child shares nothing with us, and ends at once.
    child = libc.syscall(ctypes.c_long(CLONE), ctypes.c_ulong(flags | signal.SIGCHLD), *[ctypes.c_long(0)] * 4)
    if child == 0:
        os._exit(0)
    if child > 0:
        gained(f"a child by clone({flags:x})")
    else:
        tried(f"clone({flags:x}): {os.strerror(ctypes.get_errno())}")
