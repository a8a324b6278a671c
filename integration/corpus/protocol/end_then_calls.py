"""Goes on calling tools after it has told its end."""
# walls: descriptors
# depth: yes
# needs: tools
# observe: counted:0 neighbour
import json, os, time

def send(**message):
    body = json.dumps(message).encode()
    os.write(3, len(body).to_bytes(4, "little") + body)

send(t="done", ok=True, result="1")
for number in range(100):
    send(t="call", id=number, tool="echo", args={"value": number})
tried("calls after the end")
time.sleep(0.5)
os._exit(0)
