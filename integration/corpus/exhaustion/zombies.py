"""Leaves children unreaped until no number of a process is left."""
# walls: cgroup_pids rlimits
# observe: bounded
# verdict: process_limit
# run: --processes 16 --timeout 5 --memory 64M
# needs: wall:pid_namespace
# depth: yes
import os

tried("the first child")
while True:
    if os.fork() == 0:
        os._exit(0)
