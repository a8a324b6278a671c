"""Kills processes while they wait at the exec gate, so that answers meet nobody or somebody else."""
# walls: exec_gate
# depth: yes
# observe: neighbour
# within: 15
import os, signal, sys, time

for number in range(200):
    child = os.fork()
    if child == 0:
        while True:
            try:
                os.execv(sys.executable, [sys.executable, "-c", ""])
            except OSError:
                pass
    time.sleep(number % 10 / 5000)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
tried("200 deaths at the gate")
try:
    os.execv(sys.executable, [sys.executable, "-c", ""])
except OSError as error:
    tried("a knock after them: %s" % error.strerror)
