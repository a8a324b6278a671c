"""Hides descriptors in messages that nobody reads, sockets full of sockets among them."""
# walls: rlimits cgroup_memory
# observe: bounded word
# verdict: ok exception memory_limit open_files_limit
# run: --memory 64M --open-files 64 --timeout 5
# depth: yes
import array
import socket

waiting = []
sent = 0
try:
    while sent < 100_000:
        one, other = socket.socketpair()
        one.setblocking(False)
        handed = waiting[-1:] + [one, other] * 10
        numbers = array.array("i", [each.fileno() for each in handed])
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)]
        try:
            while True:
                one.sendmsg([b"x"], rights)
                sent += len(numbers)
        except BlockingIOError:
            waiting = [other]
            one.close()
except OSError as error:
    tried(f"{sent} in flight: {error}")
if sent >= 100_000:
    gained(f"{sent} descriptors in flight, where 64 may be open")
tried(f"{sent} in flight")
