"""Sends datagrams past the proxy, on the loopback that a restricted run has."""
# walls: network_namespace
# observe: unheard word
# needs: proxy
import socket

for target in (tuple(aim.udp4), ("0.0.0.0", aim.udp4[1]), ("127.0.0.53", 53), ("127.0.0.1", 53)):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(0.3)
        try:
            sender.connect(target)
            sender.send(b"\x12\x34\x01\0\0\1\0\0\0\0\0\0\4name\7invalid\0\0\1\0\1")
            sender.recv(512)
            gained(f"{target} answered")
        except OSError as error:
            tried(f"{target}: {error}")
# The control: where it can send, and where not.
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
    try:
        probe.connect(("192.0.2.1", 53))
        gained("a route beyond loopback")
    except OSError as error:
        tried(f"beyond loopback: {error}")
