"""Sends the supervisor its own kind of frames: replies to calls that nobody made, and a farewell."""
# walls: descriptors
# depth: yes
# verdict: protocol_violation
# within: 10
import json, os, time

for message in ({"t": "reply", "id": 1, "ok": True, "value": 1}, {"t": "bye"}):
    body = json.dumps(message).encode()
    os.write(3, len(body).to_bytes(4, "little") + body)
    tried("a frame of kind %s" % message["t"])
time.sleep(60)
