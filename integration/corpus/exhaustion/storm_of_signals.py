"""Has itself interrupted by a timer every microsecond, for ever."""
# walls: cgroup_cpu rlimits
# observe: bounded neighbour
# verdict: timeout cpu_limit signal
# run: --timeout 2 --cpu-time 1 --memory 64M
# depth: yes
import signal

signal.signal(signal.SIGALRM, lambda *_: None)
tried("the first signal")
signal.setitimer(signal.ITIMER_REAL, 1e-6, 1e-6)
while True:
    signal.pause()
