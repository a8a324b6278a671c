"""Makes timers until there is no room for another, each of which fires all the time."""
# walls: rlimits
# observe: bounded word
# run: --timeout 5 --memory 64M --cpu-time 5
# verdict: ok
import ctypes
import os
import signal

libc = ctypes.CDLL(None, use_errno=True)
CREATE, SETTIME = (222, 223) if os.uname().machine == "x86_64" else (107, 110)
REAL_TIME, MOST = 0, 20_000
signal.signal(signal.SIGALRM, signal.SIG_IGN)
often = (ctypes.c_long * 4)(0, 20_000_000, 0, 20_000_000)
number = ctypes.c_int()
made = 0
while made < MOST and libc.syscall(ctypes.c_long(CREATE), REAL_TIME, None, ctypes.byref(number)) == 0:
    libc.syscall(ctypes.c_long(SETTIME), number, 0, often, None)
    made += 1
tried(f"{made} timers, then {os.strerror(ctypes.get_errno())}")
if made == MOST:
    gained(f"{made} timers")
