"""Shares memory out among children, each of which takes little."""
# walls: cgroup_memory rlimits
# observe: bounded neighbour
# verdict: memory_limit
# run: --memory 64M --processes 16 --timeout 10
# needs: wall:pid_namespace
# depth: yes
import os
import time

tried("the first child")
for _ in range(12):
    if os.fork() == 0:
        held = b"x" * (16 << 20)
        time.sleep(2)
        os._exit(len(held) & 1)
while True:
    os.wait()
