"""Calls a tool again and again and never reads an answer: what waits for it is bounded."""
# walls: descriptors
# depth: yes
# needs: tools
# verdict: timeout
# run: --timeout 3
# observe: counted:<=4000 neighbour
# within: 15
import json, os

body = json.dumps({"t": "call", "id": 1, "tool": "echo", "args": {"value": 1}}).encode()
frames = (len(body).to_bytes(4, "little") + body) * 100
tried("calls without end")
while True:
    rest = memoryview(frames)
    while rest:
        rest = rest[os.write(3, rest):]
