"""Says that it has ended and goes on, to outlive its deadline as a run that is over."""
# walls: pid_namespace
# depth: yes
# verdict: timeout
# run: --timeout 2
# within: 10
import json, os, time

def send(**message):
    body = json.dumps(message).encode()
    os.write(3, len(body).to_bytes(4, "little") + body)

send(t="done", ok=True, result="1")
tried("an end of a program that goes on")
time.sleep(60)
