"""Calls with a number of 2**64, which no answer could carry."""
# walls: descriptors
# depth: yes
# verdict: protocol_violation
# within: 10
import json, os, time

body = json.dumps({"t": "call", "id": 1 << 64, "tool": "x", "args": {}}).encode()
os.write(3, len(body).to_bytes(4, "little") + body)
tried("a call with the number 2**64")
time.sleep(60)
