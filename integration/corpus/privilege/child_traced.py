"""Traces a child of its own, whose system calls it could change after they were looked at."""
# walls: seccomp
# observe: word
# with: calls
import os
import platform
import signal
import time

PTRACE = 117 if platform.machine() == "aarch64" else 101
TRACEME, ATTACH, SEIZE = 0, 16, 0x4206

child = os.fork()
if child == 0:
    time.sleep(20)
    os._exit(0)
for name, request in (("seize", SEIZE), ("attach", ATTACH)):
    error = call(PTRACE, request, child, 0, 0)
    if error is None:
        gained(f"{name} of its child")
    tried(f"{name} of its child: {error}")
os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)

child = os.fork()
if child == 0:
    os._exit(1 if call(PTRACE, TRACEME, 0, 0, 0) is None else 0)
if os.waitpid(child, 0)[1]:
    gained("a child lets its parent trace it")
tried("has its child ask to be traced")
