"""Connects around the proxy: to the host's listener, and with the fast open that no port rule sees."""
# walls: network_namespace
# observe: unheard
# needs: proxy
import socket

target = tuple(aim.tcp4)


def plain(sender):
    sender.connect(target)
    sender.sendall(b"knock")


def fast_open(sender):
    sender.sendto(b"knock", socket.MSG_FASTOPEN, target)


def from_the_proxy_port(sender):
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sender.bind(("127.0.0.1", 3128))
    sender.connect(target)


for way in (plain, fast_open, from_the_proxy_port):
    with socket.socket() as sender:
        try:
            sender.settimeout(2)
            way(sender)
            tried(f"{way.__name__}: connected")
        except OSError as error:
            tried(f"{way.__name__}: {error}")
