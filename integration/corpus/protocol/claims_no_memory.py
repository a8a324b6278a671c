"""Claims to have met its memory limit without having used any memory."""
# walls: descriptors
# depth: yes
# verdict: exception
import json, os

def send(**message):
    body = json.dumps(message).encode()
    os.write(3, len(body).to_bytes(4, "little") + body)

send(t="done", ok=False, types=["MemoryError", "Exception"], message="full", errno=12)
tried("a memory limit that was not met")
os._exit(1)
