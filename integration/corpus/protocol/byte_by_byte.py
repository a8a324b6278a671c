"""Sends the frame of a call byte by byte, and the next ones in pieces that end anywhere."""
# walls: descriptors
# depth: yes
# observe: neighbour
import json, os

body = json.dumps({"t": "call", "id": 1, "tool": "no such tool", "args": {}}).encode()
frame = len(body).to_bytes(4, "little") + body
for at in range(len(frame)):
    os.write(3, frame[at:at + 1])
stream = frame * 99
for at in range(0, len(stream), 37):
    os.write(3, stream[at:at + 37])
tried("100 frames in pieces")
answers = b""
while answers.count(b'"t":"reply"') < 100:
    answers += os.read(3, 1 << 16)
