"""Leaves processes of other sessions behind that no signal but one ends, and goes."""
# walls: pid_namespace
# observe: bounded
# run: --processes 16 --timeout 5 --memory 64M
# needs: wall:pid_namespace
# depth: yes
import os
import signal
import time

for _ in range(6):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in set(range(1, 32)) - {signal.SIGKILL, signal.SIGSTOP}:
                signal.signal(number, signal.SIG_IGN)
            mark()
            time.sleep(600)
        os._exit(0)
    os.wait()
tried("six processes are left behind")
