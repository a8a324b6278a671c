"""Knocks at the exec gate from 24 threads at once for a second: each knock is refused, nobody else waits."""
# walls: exec_gate
# observe: neighbour
# within: 15
import os, sys, threading, time

end = time.monotonic() + 1
refused = 0

def knock():
    global refused
    while time.monotonic() < end:
        try:
            os.execv(sys.executable, [sys.executable, "-c", ""])
        except OSError:
            refused += 1

threads = [threading.Thread(target=knock) for _ in range(24)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
# Had one been let through, another program would stand here.
tried("execve from 24 threads: refused %d times" % refused)
