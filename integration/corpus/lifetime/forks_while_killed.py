"""Forks from 20 processes at once when it is killed for its time."""
# walls: pid_namespace
# depth: yes
# verdict: timeout
# run: --timeout 2 --processes 64
# observe: neighbour
# within: 15
import os, time

for _ in range(20):
    if os.fork() == 0:
        time.sleep(0.5)
        while True:
            child = os.fork()
            if child == 0:
                os._exit(0)
            # One at a time: the limit of processes isn't meant to be met, however slow the machine is.
            os.waitpid(child, 0)
tried("20 processes that fork without end")
time.sleep(60)
