"""Sleeps for ever, deaf to every signal that can be ignored."""
# walls: pid_namespace
# observe: bounded
# verdict: timeout
# run: --timeout 1 --memory 64M
# depth: yes
import signal
import time

for number in set(range(1, 65)) - {signal.SIGKILL, signal.SIGSTOP, 32, 33}:
    signal.signal(number, signal.SIG_IGN)
tried("the sleep")
while True:
    time.sleep(1 << 20)
