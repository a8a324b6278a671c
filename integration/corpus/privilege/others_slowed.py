"""Slows the victim and its own init down: their priority, processors, policy and limits."""
# walls: pid_namespace seccomp
# observe: unharmed word
# depth: yes
import ctypes
import os
import platform
import resource

libc = ctypes.CDLL(None, use_errno=True)
IOPRIO_SET = 30 if platform.machine() == "aarch64" else 251

for number in (aim.victim, 1):
    for name, attempt in (
        ("priority", lambda: os.setpriority(os.PRIO_PROCESS, number, 19)),
        ("priority of its group", lambda: os.setpriority(os.PRIO_PGRP, number, 19)),
        ("priority of its user", lambda: os.setpriority(os.PRIO_USER, 0, 19)),
        ("processors", lambda: os.sched_setaffinity(number, {0})),
        ("policy", lambda: os.sched_setscheduler(number, os.SCHED_IDLE, os.sched_param(0))),
        ("limit of files", lambda: resource.prlimit(number, resource.RLIMIT_NOFILE, (3, 3))),
        ("limit of time", lambda: resource.prlimit(number, resource.RLIMIT_CPU, (1, 1))),
        ("limits, read", lambda: resource.prlimit(number, resource.RLIMIT_CPU)),
    ):
        try:
            attempt()
            gained(f"{name} of {number}")
        except OSError as error:
            tried(f"{name} of {number}: {error.strerror}")
    words = (ctypes.c_long(1), ctypes.c_long(number), ctypes.c_long(3 << 13))
    if libc.syscall(ctypes.c_long(IOPRIO_SET), *words) == 0:
        gained(f"disk priority of {number}")
    tried(f"disk priority of {number}: {os.strerror(ctypes.get_errno())}")
