"""Makes itself the reaper of all orphans in the place of process 1, and reaps none."""
# walls: pid_namespace
# depth: yes
# within: 10
import ctypes, os, time

PR_SET_CHILD_SUBREAPER = 36
done = ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
for _ in range(10):
    if os.fork() == 0:
        if os.fork() == 0:
            mark()
            time.sleep(60)
        os._exit(0)
time.sleep(0.2)
tried("ten orphans for a reaper of its own (prctl: %d)" % done)
