"""Forks children into new namespaces and into other control groups by clone3, whose flags no filter can read."""
# walls: seccomp
# observe: word
import ctypes
import os
import signal

libc = ctypes.CDLL(None, use_errno=True)
CLONE3 = 435
INTO_CGROUP = 1 << 33

for flags in (0, 0x10000000, 0x20000, 0x20000000, 0x40000000, 0x7E020000, 0x10000080, INTO_CGROUP):
    words = (ctypes.c_uint64 * 11)(flags, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, 0, 0, 0)
    child = libc.syscall(ctypes.c_long(CLONE3), words, ctypes.c_long(ctypes.sizeof(words)))
    if child == 0:
        os._exit(0)
    if child > 0:
        gained(f"a child by clone3({flags:x})")
    else:
        tried(f"clone3({flags:x}): {os.strerror(ctypes.get_errno())}")
