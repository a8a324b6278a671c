"""Invites any process to trace it, and changes what decides who may look into it."""
# walls: seccomp
# observe: word
# depth: yes
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
SET_PTRACER, SET_DUMPABLE, SET_MM, SET_VMA, SET_IO_FLUSHER, SET_TSC, TASK_PERF, SUBREAPER = (
    0x59616D61, 4, 35, 0x53564D41, 57, 26, 31, 36,
)
for name, option, value in (
    ("any tracer", SET_PTRACER, ctypes.c_ulong(-1)),
    ("the victim as tracer", SET_PTRACER, ctypes.c_ulong(aim.victim)),
    ("dumpable for root", SET_DUMPABLE, ctypes.c_ulong(2)),
    ("undumpable", SET_DUMPABLE, ctypes.c_ulong(0)),
    ("where its memory begins", SET_MM, ctypes.c_ulong(1)),
    ("spared by writeback", SET_IO_FLUSHER, ctypes.c_ulong(1)),
    ("no time-stamp counter", SET_TSC, ctypes.c_ulong(2)),
    ("no performance counters", TASK_PERF, ctypes.c_ulong(0)),
    ("reaper of its descendants", SUBREAPER, ctypes.c_ulong(1)),
):
    if libc.prctl(option, value, ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)) == 0:
        gained(f"{name}: granted")
    else:
        tried(f"{name}: {os.strerror(ctypes.get_errno())}")
