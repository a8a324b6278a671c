"""Sends every signal to process 1, by its number and by a descriptor: its end would be everybody's."""
# walls: pid_namespace
# depth: yes
# observe: neighbour
# within: 10
import os, signal

for number in range(1, signal.NSIG):
    try:
        os.kill(1, number)
    except OSError:
        pass
tried("64 signals to process 1")
try:
    signal.pidfd_send_signal(os.pidfd_open(1), signal.SIGKILL)
    tried("SIGKILL by a descriptor of process 1")
except (OSError, AttributeError) as error:
    tried("SIGKILL by a descriptor of process 1: %s" % error)
