"""Sends 2,000 open files along with its calls: the supervisor keeps none, or would run out."""
# walls: descriptors
# depth: yes
# observe: neighbour
import json, os, socket

control = socket.socket(fileno=os.dup(3))
body = json.dumps({"t": "call", "id": 1, "tool": "nobody", "args": {}}).encode()
frame = len(body).to_bytes(4, "little") + body
for _ in range(40):
    files = [os.open("/dev/null", os.O_RDONLY) for _ in range(50)]
    control.sendmsg([frame], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, b"".join(
        file.to_bytes(4, "little") for file in files))])
    for file in files:
        os.close(file)
    os.read(3, int.from_bytes(os.read(3, 4), "little"))
tried("2,000 descriptors along with calls")
