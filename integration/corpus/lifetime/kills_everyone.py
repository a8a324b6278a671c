"""Kills every process that it can signal, then its process group, itself included."""
# walls: pid_namespace distinct_uid landlock_scope
# depth: yes
# verdict: signal
# observe: unharmed neighbour
# within: 10
import os, signal

try:
    os.kill(-1, signal.SIGKILL)
    tried("SIGKILL to everyone")
except OSError as error:
    tried("SIGKILL to everyone: %s" % error.strerror)
os.kill(0, signal.SIGKILL)
