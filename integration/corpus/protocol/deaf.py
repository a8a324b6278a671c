"""Shuts its side of the socket for reading, then calls: nobody can be answered."""
# walls: descriptors
# depth: yes
# observe: neighbour
# within: 10
import json, os, socket

control = socket.socket(fileno=os.dup(3))
control.shutdown(socket.SHUT_RD)
body = json.dumps({"t": "call", "id": 1, "tool": "nobody", "args": {}}).encode()
frame = len(body).to_bytes(4, "little") + body
for _ in range(1000):
    os.write(3, frame)
tried("1,000 calls from somebody who can't hear")
