"""Stops itself and all its children, so that nothing of it can be asked to end."""
# walls: pid_namespace
# observe: bounded
# verdict: timeout
# run: --timeout 1 --memory 64M --processes 16
# needs: wall:pid_namespace
# depth: yes
import os
import signal

tried("the stop")
for _ in range(4):
    if os.fork() == 0:
        mark()
        os.kill(os.getpid(), signal.SIGSTOP)
os.kill(os.getpid(), signal.SIGSTOP)
while True:
    signal.pause()
