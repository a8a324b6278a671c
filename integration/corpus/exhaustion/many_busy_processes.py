"""Computes in many processes, each within its own limit."""
# walls: cgroup_cpu rlimits
# observe: bounded neighbour
# verdict: cpu_limit
# run: --cpu-time 1 --timeout 15 --memory 64M --processes 16
# needs: wall:pid_namespace
# depth: yes
import os
import time

tried("the first round")
for _ in range(10):
    if os.fork() == 0:
        while time.process_time() < 0.8:
            pass
        os._exit(0)
while True:
    os.wait()
