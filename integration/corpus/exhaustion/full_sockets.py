"""Fills the buffers of sockets with messages that nobody reads."""
# walls: cgroup_memory rlimits
# observe: bounded
# verdict: ok memory_limit exception open_files_limit
# run: --timeout 5 --memory 64M --open-files 256
# depth: yes
import socket

held, kept = 0, []
tried("the first pair")
try:
    while True:
        one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        one.setblocking(False)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30)
        kept += [one, other]
        try:
            while True:
                held += one.send(b"x" * 60_000)
        except BlockingIOError:
            continue
except OSError as error:
    tried(f"{held} bytes in sockets, then {error}")
