"""Connects to an abstract unix socket of the host by its name."""
# walls: network_namespace landlock_scope
# observe: unheard
# depth: yes
import socket

for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
    try:
        with socket.socket(socket.AF_UNIX, kind) as connection:
            connection.connect(aim.abstract)
            connection.send(b"knock")
        tried(f"{kind}: connected")
    except OSError as error:
        tried(f"{kind}: {error}")
