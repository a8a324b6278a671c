"""Looks for files that are not there, each of which the kernel remembers."""
# walls: cgroup_memory rlimits
# observe: bounded neighbour
# verdict: timeout cpu_limit memory_limit
# run: --timeout 3 --cpu-time 2 --memory 64M
# depth: yes
import os

tried("the first name")
number = 0
while True:
    for place in ("/tmp", "/", "/usr", "/proc/self"):
        os.path.exists(f"{place}/{'x' * 200}{number}")
    number += 1
