"""Sends a frame of half a million brackets, to have them read by recursion."""
# walls: descriptors
# depth: yes
# verdict: protocol_violation
# observe: neighbour
# within: 10
import os, time

body = b"[" * 500_000
rest = memoryview(len(body).to_bytes(4, "little") + body)
tried("JSON nested 500,000 deep")
while rest:
    rest = rest[os.write(3, rest):]
time.sleep(60)
