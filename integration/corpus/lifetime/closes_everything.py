"""Closes every descriptor, its socket and its output, and goes on."""
# walls: pid_namespace
# depth: yes
# verdict: timeout
# run: --timeout 2
# within: 10
import os, time

tried("no descriptor at all")
os.closerange(0, 256)
time.sleep(60)
