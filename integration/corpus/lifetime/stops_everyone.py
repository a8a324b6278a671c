"""Stops every process that it can signal, its children and whoever else, then ends."""
# walls: pid_namespace distinct_uid landlock_scope
# depth: yes
# observe: unharmed neighbour
# within: 10
import os, signal, time

for _ in range(5):
    if os.fork() == 0:
        mark()
        time.sleep(60)
time.sleep(0.1)
try:
    os.kill(-1, signal.SIGSTOP)
    tried("SIGSTOP to everyone")
except OSError as error:
    tried("SIGSTOP to everyone: %s" % error.strerror)
