"""Forks for ever, in every process there is."""
# walls: cgroup_pids rlimits
# observe: bounded neighbour
# verdict: process_limit
# run: --processes 16 --timeout 10 --memory 64M
# needs: wall:pid_namespace
# depth: yes
import os
import signal

tried("the first fork")
first = os.getpid()
while True:
    try:
        os.fork()
    except OSError:
        if os.getpid() == first:
            # A traceback takes long among so many: they stand still, and are counted all the same.
            os.kill(-1, signal.SIGSTOP)
            raise
