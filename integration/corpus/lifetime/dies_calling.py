"""Is killed while a tool call of its own is under way."""
# walls: pid_namespace
# depth: yes
# needs: tools
# verdict: signal
# observe: counted:<=1 neighbour
# within: 10
import json, os, signal

body = json.dumps({"t": "call", "id": 1, "tool": "echo", "args": {"value": 1}}).encode()
os.write(3, len(body).to_bytes(4, "little") + body)
tried("a death during a call")
os.kill(os.getpid(), signal.SIGKILL)
