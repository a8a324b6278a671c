"""Tears frames apart: a forked process speaks in the middle of its parent's sentence."""
# walls: descriptors
# depth: yes
# verdict: protocol_violation
# observe: neighbour
# within: 10
import json, os, time

body = json.dumps({"t": "call", "id": 1, "tool": "echo", "args": {}}).encode()
frame = len(body).to_bytes(4, "little") + body
os.write(3, frame[:20])
if os.fork() == 0:
    os.write(3, frame)
    os._exit(0)
os.wait()
os.write(3, frame[20:])
tried("a frame within a frame")
time.sleep(60)
