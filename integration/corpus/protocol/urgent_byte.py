"""Sends bytes out of band along the control socket, which a reader of a stream stumbles over."""
# walls: seccomp
# depth: yes
# verdict: ok exit_code protocol_violation timeout
# run: --timeout 3
# observe: neighbour
# within: 10
import os, socket

control = socket.socket(fileno=os.dup(3))
body = b'{"t":"call","id":1,"tool":"nobody","args":{}}'
frame = len(body).to_bytes(4, "little") + body

def urgent():
    try:
        control.send(b"\x00", socket.MSG_OOB)
        tried("a byte out of band")
    except OSError as error:
        tried("a byte out of band: %s" % error.strerror)

for at in range(20):
    urgent()
    # In the middle of a frame, too.
    control.send(frame[:at])
    urgent()
    control.send(frame[at:])
