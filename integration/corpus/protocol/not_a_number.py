"""Calls with NaN and Infinity, which Python writes as JSON and JSON does not know."""
# walls: descriptors
# depth: yes
# verdict: protocol_violation
# within: 10
import json, os, time

body = json.dumps({"t": "call", "id": 1, "tool": "x", "args": {"value": float("nan")}}).encode()
os.write(3, len(body).to_bytes(4, "little") + body)
tried("NaN as an argument")
time.sleep(60)
