"""Tells an end and a result by its own hand before the program has ended."""
# walls: descriptors
# depth: yes
# observe: neighbour
import json, os

def send(**message):
    body = json.dumps(message).encode()
    os.write(3, len(body).to_bytes(4, "little") + body)

send(t="done", ok=True, result='"forged"')
tried("an end of its own making")
