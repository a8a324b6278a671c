"""Aborts within a call from the interpreter."""
# walls: pid_namespace
# depth: yes
# verdict: signal
# within: 10
import os

tried("abort")
os.abort()
