"""Leaves 60 dead children that nobody reaps, then ends."""
# walls: pid_namespace
# depth: yes
# within: 10
import os, time

for _ in range(60):
    if os.fork() == 0:
        os._exit(0)
time.sleep(0.1)
tried("60 zombies")
