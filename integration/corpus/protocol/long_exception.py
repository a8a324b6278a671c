"""Ends with an exception whose type has 5,000 names and whose text is half a mebibyte."""
# walls: descriptors
# depth: yes
# verdict: exception
# observe: bounded
import json, os

body = json.dumps({"t": "done", "ok": False, "types": ["x" * 100] * 5000, "message": "y" * 500000})
rest = memoryview(len(body).to_bytes(4, "little") + body.encode())
while rest:
    rest = rest[os.write(3, rest):]
tried("an exception of a mebibyte")
os._exit(1)
