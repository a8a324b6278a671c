"""Computes for ever, deaf to the signal of the limit."""
# walls: cgroup_cpu rlimits
# observe: bounded neighbour
# verdict: cpu_limit
# run: --cpu-time 0.5 --timeout 15 --memory 64M
# depth: yes
import signal

signal.signal(signal.SIGXCPU, signal.SIG_IGN)
tried("the first round")
while True:
    pass
