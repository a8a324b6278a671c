"""Forks from 20 processes at once when it is killed for its time."""
# walls: pid_namespace
# depth: yes
# verdict: timeout
# run: --timeout 2 --processes 40
# observe: neighbour
# within: 15
import os, signal, time

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for _ in range(20):
    if os.fork() == 0:
        time.sleep(0.5)
        while True:
            try:
                if os.fork() == 0:
                    os._exit(0)
            except OSError:
                pass
tried("20 processes that fork without end")
time.sleep(60)
