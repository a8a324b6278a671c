"""Lets a forked process tell the end, with a result of its own, while the parent goes on."""
# walls: descriptors
# depth: yes
# observe: neighbour
import json, os

body = json.dumps({"t": "done", "ok": True, "result": '"of the child"'}).encode()
if os.fork() == 0:
    os.write(3, len(body).to_bytes(4, "little") + body)
    os._exit(0)
os.wait()
tried("an end told by a child")
result = "of the parent"
