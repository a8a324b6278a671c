"""Makes the buffers of sockets as large as they may be, and fills them with messages that nobody reads."""
# walls: cgroup_memory seccomp
# observe: bounded word
# verdict: ok memory_limit exception open_files_limit
# run: --timeout 5 --memory 64M --open-files 256
# depth: yes
import socket

LIMIT = 64 << 20
held, kept = 0, []
tried("the first pair")
try:
    while True:
        one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        one.setblocking(False)
        kept += [one, other]
        try:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30)
        except PermissionError as refused:
            if len(kept) == 2:
                tried(f"a larger buffer: {refused}")
        try:
            while True:
                held += one.send(b"x" * 60_000)
        except BlockingIOError:
            continue
except OSError as error:
    tried(f"{held} bytes in sockets, then {error}")
if held > LIMIT:
    gained(f"{held} bytes in sockets, where all memory is {LIMIT}")
