"""Locks a file byte by byte, each lock a piece of the kernel's memory."""
# walls: cgroup_memory rlimits
# observe: bounded
# verdict: ok memory_limit exception timeout cpu_limit
# run: --timeout 3 --memory 64M
# depth: yes
import fcntl

file = open("/tmp/file", "w")
taken = 0
try:
    for taken in range(200_000):
        fcntl.lockf(file, fcntl.LOCK_EX, 1, taken * 2)
        if taken == 0:
            tried("the first lock")
except OSError as error:
    tried(f"{taken} locks, then {error}")
