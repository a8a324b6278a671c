"""Sends the beginning of a frame and falls silent, so that its rest is waited for."""
# walls: descriptors
# depth: yes
# verdict: timeout
# run: --timeout 2
# observe: neighbour
# within: 10
import os, time

os.write(3, b"\x10\x00\x00\x00abc")
tried("half a frame")
time.sleep(60)
