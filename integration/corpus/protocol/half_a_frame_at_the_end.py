"""Sends the beginning of a frame and ends at once."""
# walls: descriptors
# depth: yes
# within: 10
import os

os.write(3, b"\x10\x00")
tried("half a length")
os._exit(0)
