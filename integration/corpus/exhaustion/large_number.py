"""Computes a number with a hundred million digits, in one step that no signal handler interrupts."""
# walls: cgroup_cpu cgroup_memory rlimits
# observe: bounded
# verdict: timeout cpu_limit memory_limit
# run: --timeout 1 --memory 64M
# depth: yes
import signal

signal.signal(signal.SIGALRM, signal.SIG_IGN)
tried("the power")
10**10**8
str(1 << 10**9)
