"""Ends at once when nothing more fits into its output, from several processes."""
# walls: pid_namespace
# depth: yes
# verdict: ok output_limit
# observe: bounded
# within: 10
import os

tried("a full pipe")
for _ in range(4):
    os.fork()
os.set_blocking(1, False)
try:
    while True:
        os.write(1, b"x" * 65536)
except OSError:
    os._exit(0)
