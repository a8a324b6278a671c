"""Sends datagrams to a socket on the host's loopback, connected and not, alone and in a message."""
# walls: network_namespace
# observe: unheard
import socket


def connected(sender):
    sender.connect(tuple(aim.udp4))
    sender.send(b"knock")


ways = {
    "sendto": lambda sender: sender.sendto(b"knock", tuple(aim.udp4)),
    "sendmsg": lambda sender: sender.sendmsg([b"kn", b"ock"], [], 0, tuple(aim.udp4)),
    "send": connected,
    "any address": lambda sender: sender.sendto(b"knock", ("0.0.0.0", aim.udp4[1])),
}
for name, way in ways.items():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        try:
            way(sender)
            tried(f"{name}: sent")
        except OSError as error:
            tried(f"{name}: {error}")
