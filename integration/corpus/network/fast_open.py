"""Connects by sending: TCP fast open passes by the check that connect() has."""
# walls: network_namespace
# observe: unheard
import socket

TCP_FASTOPEN_CONNECT = 30


def by_sendto(sender):
    sender.sendto(b"knock", socket.MSG_FASTOPEN, tuple(aim.tcp4))


def by_sendmsg(sender):
    sender.sendmsg([b"knock"], [], socket.MSG_FASTOPEN, tuple(aim.tcp4))


def by_option(sender):
    sender.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
    sender.connect(tuple(aim.tcp4))
    sender.sendall(b"knock")


for way in (by_sendto, by_sendmsg, by_option):
    with socket.socket() as sender:
        try:
            sender.settimeout(2)
            way(sender)
            tried(f"{way.__name__}: sent")
        except OSError as error:
            tried(f"{way.__name__}: {error}")
