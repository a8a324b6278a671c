"""Looks for a process that the run before left behind, by the name that it gave itself."""
# walls: pid_namespace
# observe: word
# first: leaves_processes
# depth: yes
import os

own = os.getpid()
for number in range(1, 5000):
    try:
        os.getsid(number)
    except OSError:
        continue
    if number in (1, own):
        continue
    try:
        with open(f"/proc/{number}/comm") as file:
            name = file.read().strip()
    except OSError as error:
        name = error.strerror
    gained(f"process {number} ({name}) is still there")
tried("asked for 5,000 processes")
