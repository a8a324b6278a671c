"""Sends a whole frame of 64 MiB."""
# walls: descriptors
# depth: yes
# verdict: protocol_violation
# observe: neighbour
# within: 10
import os, time

length = 64 << 20
tried("a frame of 64 MiB")
rest = memoryview(length.to_bytes(4, "little") + b" " * length)
while rest:
    rest = rest[os.write(3, rest):]
time.sleep(60)
