"""Says that all went well, then crashes: the kernel's word counts, not the program's."""
# walls: descriptors
# depth: yes
# verdict: signal
import json, os

def send(**message):
    body = json.dumps(message).encode()
    os.write(3, len(body).to_bytes(4, "little") + body)

send(t="done", ok=True, result='"all is well"')
tried("an end that lies")
os.abort()
