"""Stops process 1, then ends: nobody would reap it nor say how it ended."""
# walls: pid_namespace
# depth: yes
# within: 10
import os, signal, time

for number in (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU):
    try:
        os.kill(1, number)
        tried("%s to process 1" % number.name)
    except OSError as error:
        tried("%s to process 1: %s" % (number.name, error.strerror))
time.sleep(0.2)
