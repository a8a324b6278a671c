"""Registers an exit handler that never ends."""
# walls: pid_namespace
# depth: yes
# verdict: timeout
# run: --timeout 2
# within: 10
import atexit, time

atexit.register(time.sleep, 60)
tried("an exit handler of a minute")
