"""Tells its end twice, a success and a failure, and floods the socket with more of them."""
# walls: descriptors
# depth: yes
# observe: neighbour bounded
import json, os

def frame(**message):
    body = json.dumps(message).encode()
    return len(body).to_bytes(4, "little") + body

good = frame(t="done", ok=True, result="1")
bad = frame(t="done", ok=False, types=["MemoryError"], message="no", errno=12)
os.set_blocking(3, False)
try:
    for _ in range(10000):
        os.write(3, good + bad)
except BlockingIOError:
    tried("as many ends as fit, of which nobody reads but the first")
os._exit(0)
