"""Sends frames of no bytes."""
# walls: descriptors
# depth: yes
# verdict: protocol_violation
# within: 10
import os, time

os.write(3, b"\x00\x00\x00\x00" * 1000)
tried("1,000 empty frames")
time.sleep(60)
