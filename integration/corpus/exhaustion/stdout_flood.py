"""Writes to standard output for ever."""
# walls: rlimits
# observe: bounded
# verdict: output_limit
# run: --output 64K --timeout 5 --memory 64M
# depth: yes
import os

tried("the first block")
while True:
    os.write(1, b"x" * 65536)
