"""Stops itself, as a run that neither goes on nor ends."""
# walls: pid_namespace
# depth: yes
# verdict: timeout
# run: --timeout 2
# within: 10
import os, signal

tried("SIGSTOP")
os.kill(os.getpid(), signal.SIGSTOP)
