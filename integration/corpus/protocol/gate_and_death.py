"""Kills processes while they wait at the exec gate, so that answers meet nobody or somebody else."""
# walls: exec_gate
# observe: word neighbour
# within: 15
import os, signal, sys, time

for number in range(200):
    child = os.fork()
    if child == 0:
        while True:
            try:
                os.execv(sys.executable, [sys.executable, "-c", "import os; os._exit(0)"])
            except OSError:
                pass
    time.sleep(number % 10 / 5000)
    os.kill(child, signal.SIGKILL)
    if os.waitpid(child, 0)[1] != signal.SIGKILL:
        gained("a program was started")
tried("200 deaths at the gate")
