"""Tells a result longer than the limit that its own side of the sandbox would have kept to."""
# walls: descriptors
# depth: yes
# verdict: protocol_violation
# within: 10
import json, os, time

body = json.dumps({"t": "done", "ok": True, "result": json.dumps("x" * (9 << 20))}).encode()
rest = memoryview(len(body).to_bytes(4, "little") + body)
tried("a result of 9 MiB, where 8 are the most")
while rest:
    rest = rest[os.write(3, rest):]
time.sleep(60)
