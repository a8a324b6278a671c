"""Raises itself above all others: negative niceness, real-time and deadline policies, disk priority."""
# walls: capabilities
# observe: word unharmed
# depth: yes
import ctypes
import os
import platform
import struct

libc = ctypes.CDLL(None, use_errno=True)
IOPRIO_SET, SCHED_SETATTR = (30, 274) if platform.machine() == "aarch64" else (251, 314)

for kind, who in ((os.PRIO_PROCESS, 0), (os.PRIO_PGRP, 0), (os.PRIO_USER, 0)):
    try:
        os.setpriority(kind, who, -20)
        gained("a niceness of -20")
    except OSError as error:
        tried(f"niceness of {kind}: {error.strerror}")
for policy, priority in ((os.SCHED_FIFO, 99), (os.SCHED_RR, 1), (os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, 1)):
    try:
        os.sched_setscheduler(0, policy, os.sched_param(priority))
        gained(f"policy {policy}")
    except OSError as error:
        tried(f"policy {policy}: {error.strerror}")
# SCHED_DEADLINE, 10 ms of every 20.
deadline = struct.pack("<IIQiIQQQ", 48, 6, 0, 0, 0, 10_000_000, 20_000_000, 20_000_000)
if libc.syscall(ctypes.c_long(SCHED_SETATTR), ctypes.c_long(0), deadline, ctypes.c_long(0)) == 0:
    gained("the deadline policy")
tried(f"the deadline policy: {os.strerror(ctypes.get_errno())}")
if libc.syscall(ctypes.c_long(IOPRIO_SET), ctypes.c_long(1), ctypes.c_long(0), ctypes.c_long(1 << 13)) == 0:
    gained("real-time disk priority")
tried(f"real-time disk priority: {os.strerror(ctypes.get_errno())}")
