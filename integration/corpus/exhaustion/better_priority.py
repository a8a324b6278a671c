"""Takes a better priority than everybody else: real time, deadlines, nice, first at the disk."""
# walls: capabilities rlimits
# observe: word neighbour
# run: --timeout 5
# depth: yes
import ctypes
import os
import struct

libc = ctypes.CDLL(None, use_errno=True)
FIFO, ROUND_ROBIN, DEADLINE = 1, 2, 6
X86 = os.uname().machine == "x86_64"
attributes = ctypes.create_string_buffer(struct.pack("IIQiIQQQ", 48, DEADLINE, 0, 0, 0, 10**7, 2 * 10**7, 2 * 10**7))
DISK_FIRST = 1 << 13
ways = {
    "fifo": lambda: os.sched_setscheduler(0, FIFO, os.sched_param(50)),
    "round robin": lambda: os.sched_setscheduler(0, ROUND_ROBIN, os.sched_param(1)),
    "nice": lambda: os.setpriority(os.PRIO_PROCESS, 0, -20),
    "nice for all": lambda: os.setpriority(os.PRIO_USER, 0, -1),
    "deadline": lambda: libc.syscall(ctypes.c_long(314 if X86 else 274), 0, attributes, 0),
    "first at the disk": lambda: libc.syscall(ctypes.c_long(251 if X86 else 30), 1, 0, DISK_FIRST),
}
for name, way in ways.items():
    try:
        came = way()
        if came == -1:
            tried(f"{name}: {os.strerror(ctypes.get_errno())}")
        else:
            gained(f"{name}: {came}")
    except OSError as error:
        tried(f"{name}: {error}")
