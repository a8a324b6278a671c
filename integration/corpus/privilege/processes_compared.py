"""Compares kernel objects of processes, which tells their addresses apart, and asks for their robust lists."""
# walls: seccomp pid_namespace
# observe: word
# depth: yes
# with: calls
import ctypes
import os
import platform

KCMP, GET_ROBUST_LIST = (272, 100) if platform.machine() == "aarch64" else (312, 274)

own = os.getpid()
for other in {1, aim.victim, own}:
    for kind in range(8):
        error = call(KCMP, own, other, kind, 0, 1)
        if error is None:
            gained(f"kcmp of {other}, kind {kind}")
    tried(f"kcmp of {other}: {error}")
    word = ctypes.create_string_buffer(16)
    error = call(GET_ROBUST_LIST, other, ctypes.addressof(word), ctypes.addressof(word) + 8)
    if error is None and other != own:
        gained(f"the robust list of {other}")
    tried(f"robust list of {other}: {error}")
