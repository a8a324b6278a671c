"""Asks its control socket who is at the other end: numbers, security labels, groups, a handle on the process."""
# walls: pid_namespace user_namespace
# observe: word unread
import os
import socket
import struct

SO_PEERSEC, SO_PEERGROUPS, SO_PEERPIDFD = 31, 59, 77

with socket.socket(fileno=os.dup(3)) as control:
    number, user, group = struct.unpack("iII", control.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    tried(f"the other end is process {number} of {user}:{group}")
    if number not in (0, 1, os.getpid()):
        gained(f"the process number of the other end: {number}")
    for name in (control.getsockname(), control.getpeername()):
        if name:
            gained(f"the socket has a name: {name}")
    for option in (SO_PEERSEC, SO_PEERGROUPS):
        try:
            loot(control.getsockopt(socket.SOL_SOCKET, option, 256))
        except OSError as error:
            tried(f"option {option}: {error.strerror}")
    try:
        handle = control.getsockopt(socket.SOL_SOCKET, SO_PEERPIDFD)
    except OSError as error:
        tried(f"a handle on the other end: {error.strerror}")
    else:
        tried("has a handle on the other end")
        try:
            with open(f"/proc/self/fdinfo/{handle}") as file:
                shown = file.read()
            loot(shown)
            numbers = [line.split()[1] for line in shown.splitlines() if line.startswith("Pid:")]
            if numbers and numbers[0] not in ("0", "-1", "1", str(os.getpid())):
                gained(f"the handle shows the number {numbers[0]}")
        except OSError as error:
            tried(f"/proc/self/fdinfo: {error.strerror}")
