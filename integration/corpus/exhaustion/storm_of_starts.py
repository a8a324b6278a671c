"""Tries to start programs for ever, from many processes, each of which init must answer."""
# walls: exec_gate
# observe: bounded neighbour
# verdict: timeout cpu_limit
# run: --timeout 2 --cpu-time 1 --memory 64M --processes 16
# needs: wall:pid_namespace
# depth: yes
import os
import sys

tried("the first start")
for _ in range(3):
    os.fork()
while True:
    try:
        os.execv(sys.executable, [sys.executable, "-c", "print('started')"])
    except OSError:
        continue
