"""Has a child stop and continue it a hundred thousand times: whoever waits for it is told each time."""
# walls: pid_namespace
# depth: yes
# observe: neighbour
# within: 15
import os, signal, time

child = os.fork()
if child == 0:
    mark()
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        os.kill(os.getppid(), signal.SIGSTOP)
        os.kill(os.getppid(), signal.SIGCONT)
    os._exit(0)
os.waitpid(child, 0)
tried("stopped and continued for 1.5 s")
