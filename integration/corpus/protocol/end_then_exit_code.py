"""Says that all went well, then exits with a code that says otherwise."""
# walls: descriptors
# depth: yes
# verdict: exit_code
import json, os

def send(**message):
    body = json.dumps(message).encode()
    os.write(3, len(body).to_bytes(4, "little") + body)

send(t="done", ok=True, result="1")
tried("an end that lies")
os._exit(7)
