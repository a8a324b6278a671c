"""Computes in processes that are gone before anybody looks at them."""
# walls: cgroup_cpu cgroup_pids rlimits
# observe: bounded
# verdict: cpu_limit timeout
# run: --cpu-time 1 --timeout 5 --memory 64M --processes 16
# needs: wall:pid_namespace
# depth: yes
import os
import time

tried("the first process")
while True:
    if os.fork() == 0:
        end = time.process_time() + 0.005
        while time.process_time() < end:
            pass
        os._exit(0)
    os.wait()
