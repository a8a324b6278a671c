"""Makes a million tool calls as fast as they are answered, until its time is over."""
# walls: descriptors
# depth: yes
# needs: tools
# verdict: ok timeout
# run: --timeout 4
# observe: counted:<=1000000 neighbour
# within: 15
import json, os, threading

COUNT = 1_000_000
body = json.dumps({"t": "call", "id": 1, "tool": "echo", "args": {"value": 1}}).encode()
frames = (len(body).to_bytes(4, "little") + body) * 100

def read():
    while os.read(3, 1 << 20):
        pass

threading.Thread(target=read, daemon=True).start()
tried("a million calls")
for _ in range(COUNT // 100):
    rest = memoryview(frames)
    while rest:
        rest = rest[os.write(3, rest):]
