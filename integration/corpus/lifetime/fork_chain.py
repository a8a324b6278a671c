"""Forks on and on, each process ending as soon as its child lives: whoever is found is gone by then."""
# walls: pid_namespace
# depth: yes
# observe: neighbour
# within: 15
import os, time

if os.fork() == 0:
    mark()
    while True:
        if os.fork():
            os._exit(0)
time.sleep(0.5)
tried("a chain of forks")
