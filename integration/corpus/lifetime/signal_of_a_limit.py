"""Ends itself by the signal of the CPU limit, with no time used."""
# walls: pid_namespace
# depth: yes
# verdict: signal
# within: 10
import os, signal

signal.signal(signal.SIGXCPU, signal.SIG_DFL)
tried("SIGXCPU by its own hand")
os.kill(os.getpid(), signal.SIGXCPU)
