"""Sends messages that say they come from root or from process 1, to a socket of its own and to the supervisor."""
# walls: user_namespace capabilities
# observe: word
# depth: yes
import os
import socket
import struct

SCM_CREDENTIALS = 2

one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
other.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
own = (os.getuid(), os.getgid())
for number, user, group in ((os.getpid(), 0, 0), (1, *own), (aim.victim, *own), (1, 0, 0)):
    forged = [(socket.SOL_SOCKET, SCM_CREDENTIALS, struct.pack("iII", number, user, group))]
    try:
        one.sendmsg([b"x"], forged)
        gained(f"a message from process {number} of {user}:{group}")
    except OSError as error:
        tried(f"process {number} of {user}:{group}: {error.strerror}")
# The true ones are let through, so that it is the forgery that was refused.
one.sendmsg([b"x"], [(socket.SOL_SOCKET, SCM_CREDENTIALS, struct.pack("iII", os.getpid(), *own))])
tried("its own credentials: sent")
