"""Hands open files of the sandbox to sockets of the host, inside a message."""
# walls: network_namespace landlock_scope root
# observe: unheard
# depth: yes
import array
import socket

secret = open("/tmp/out", "w+")
handed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [secret.fileno()]))]
for address in (aim.abstract, aim.unix):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_UNIX, kind) as sender:
            try:
                if kind == socket.SOCK_STREAM:
                    sender.connect(address)
                    sender.sendmsg([b"take"], handed)
                else:
                    sender.sendmsg([b"take"], handed, 0, address)
                tried(f"{kind}: handed over")
            except OSError as error:
                tried(f"{kind}: {error}")
