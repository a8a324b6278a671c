"""Sends the control socket through itself, in the middle of frames, so that nobody can close it any more."""
# walls: descriptors
# depth: yes
# observe: neighbour
# within: 10
import os, socket

control = socket.socket(fileno=os.dup(3))
right = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, (3).to_bytes(4, "little"))]
body = b'{"t":"call","id":1,"tool":"nobody","args":{}}'
frame = len(body).to_bytes(4, "little") + body
for _ in range(50):
    control.sendmsg([frame[:9]], right)
    control.sendmsg([frame[9:]], right)
control.sendmsg([b"\x10\x00"], right)
tried("101 copies of the socket through the socket, the last one in half a frame")
os._exit(0)
