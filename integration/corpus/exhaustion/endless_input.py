"""Waits for input that never comes."""
# walls: descriptors
# observe: bounded
# run: --timeout 3 --memory 64M
# depth: yes
import os
import sys

tried(f"{len(sys.stdin.buffer.read())} bytes of input")
tried(f"{len(os.read(0, 1))} more")
try:
    os.write(0, b"x")
    tried("input was written to")
except OSError as error:
    tried(f"writing: {error}")
