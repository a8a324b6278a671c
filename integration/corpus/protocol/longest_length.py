"""Announces a frame of 4 GiB less one byte, to have room made for it."""
# walls: descriptors
# depth: yes
# verdict: protocol_violation
# observe: neighbour
# within: 10
import os, time

os.write(3, b"\xff\xff\xff\xff")
tried("a length of 2**32 - 1")
time.sleep(60)
