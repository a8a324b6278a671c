"""Forks for ever, in every process there is."""
# walls: cgroup_pids rlimits
# observe: bounded neighbour
# verdict: process_limit
# run: --processes 16 --timeout 10 --memory 64M
# needs: wall:pid_namespace
# depth: yes
import os

tried("the first fork")
first = os.getpid()
while True:
    try:
        os.fork()
    except OSError:
        if os.getpid() == first:
            # At once: a traceback takes long among so many.
            os._exit(1)
