"""Kills everything that it may kill, without naming it: all processes, its group, the groups of others."""
# walls: pid_namespace landlock_scope
# observe: unharmed neighbour
# depth: yes
import os
import signal

for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGKILL):
    try:
        os.kill(-1, number)
        tried(f"signal {number} to all")
    except OSError as error:
        tried(f"signal {number} to all: {error.strerror}")
for group in (os.getpgid(0), 1, aim.victim, os.getppid()):
    if group <= 0 or group == os.getpid():
        continue
    for number in (signal.SIGSTOP, signal.SIGKILL):
        # Its own group is spared: there the honest answer is its own end.
        if group == os.getpgid(0):
            continue
        try:
            os.killpg(group, number)
            tried(f"signal {number} to group {group}")
        except OSError as error:
            tried(f"signal {number} to group {group}: {error.strerror}")
