"""Leaves a daemon: forked twice, in a session of its own, with nothing of the run's open."""
# walls: pid_namespace
# within: 10
import os, time

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        mark()
        os.closerange(0, 256)
        time.sleep(60)
    os._exit(0)
os.wait()
tried("a daemon")
