"""Sets the clocks of the machine by each call that sets one."""
# walls: seccomp capabilities
# observe: word
# depth: yes
# with: calls
import ctypes
import platform
import struct
import time

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
