"""Binds the ports on which the host listens, sharing or not, to take its datagrams and callers."""
# walls: network_namespace
# observe: word unheard
import errno
import socket

kinds = {socket.SOCK_DGRAM: aim.udp4[1], socket.SOCK_STREAM: aim.tcp4[1]}
for kind, port in kinds.items():
    for host in ("127.0.0.1", "0.0.0.0"):
        for option in (None, socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            with socket.socket(socket.AF_INET, kind) as thief:
                try:
                    if option is not None:
                        thief.setsockopt(socket.SOL_SOCKET, option, 1)
                    thief.bind((host, port))
                    tried(f"{host}:{port}: bound, on a network where it was free")
                except OSError as error:
                    tried(f"{host}:{port}: {error}")
                    if error.errno == errno.EADDRINUSE:
                        gained(f"{host}:{port} is in use: these are the host's ports")
