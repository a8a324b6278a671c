"""Makes a hundred calls with one number: each is answered once, to this run."""
# walls: descriptors
# depth: yes
# needs: tools
# observe: counted:100 neighbour
import json, os

body = json.dumps({"t": "call", "id": 7, "tool": "echo", "args": {"value": 7}}).encode()
frame = len(body).to_bytes(4, "little") + body
for _ in range(100):
    os.write(3, frame)
tried("100 calls with one number")
answers = b""
while answers.count(b'"t":"reply"') < 100:
    answers += os.read(3, 1 << 16)
result = answers.count(b'"id":7')
