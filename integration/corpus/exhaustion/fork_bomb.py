"""Forks for ever, in every process there is."""
# walls: cgroup_pids rlimits
# observe: bounded neighbour
# verdict: process_limit
# run: --processes 16 --timeout 10 --memory 64M
# needs: wall:pid_namespace
# depth: yes
import os
import signal
import time

tried("the first fork")
first = os.getpid()
still = False
while True:
    try:
        os.fork()
    except OSError:
        if os.getpid() == first:
            # Two forks at once can refuse each other the last place: who stands still takes none, and is counted
            # all the same. A traceback takes long among so many that do not.
            if still:
                raise
            os.kill(-1, signal.SIGSTOP)
            still = True
            time.sleep(0.05)
