"""Sets the clocks of the machine by each call that sets one."""
# walls: seccomp capabilities
# observe: word
# depth: yes
import ctypes
import os
import platform
import struct
import time

libc = ctypes.CDLL(None, use_errno=True)


def call(number, *words):
    """The error of a raw system call, or None if it went well."""
    words = [word if isinstance(word, bytes) else ctypes.c_long(word) for word in words]
    return os.strerror(ctypes.get_errno()) if libc.syscall(ctypes.c_long(number), *words) < 0 else None


ARM = platform.machine() == "aarch64"
SETTIMEOFDAY, CLOCK_SETTIME, ADJTIMEX, CLOCK_ADJTIME = (170, 112, 171, 266) if ARM else (164, 227, 159, 305)
ADJ_OFFSET = 1

now = time.time_ns()
moment = ctypes.create_string_buffer(struct.pack("qq", now // 10**9, now % 10**9))
coarse = ctypes.create_string_buffer(struct.pack("qq", now // 10**9, now % 10**9 // 1000))
change = ctypes.create_string_buffer(struct.pack("Iq", ADJ_OFFSET, 0), 256)
for name, words in (
    # To the time that it is: that the clock can be set is harm enough.
    ("settimeofday", (SETTIMEOFDAY, ctypes.addressof(coarse), 0)),
    ("clock_settime", (CLOCK_SETTIME, 0, ctypes.addressof(moment))),
    ("clock_settime of CLOCK_MONOTONIC", (CLOCK_SETTIME, 1, ctypes.addressof(moment))),
    ("clock_settime of CLOCK_TAI", (CLOCK_SETTIME, 11, ctypes.addressof(moment))),
    ("adjtimex", (ADJTIMEX, ctypes.addressof(change))),
    ("clock_adjtime", (CLOCK_ADJTIME, 0, ctypes.addressof(change))),
):
    error = call(*words)
    if error is None:
        gained(f"{name} went well")
    tried(f"{name}: {error}")
