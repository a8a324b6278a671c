"""Leaves a daemon that ignores every signal and holds nothing of its parent's."""
import os
import signal
import time

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in range(1, 65):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        os.closerange(0, 64)
        time.sleep(60)
    os._exit(0)
os.wait()
tried("left a daemon")
