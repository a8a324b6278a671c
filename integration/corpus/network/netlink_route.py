"""Brings the loopback interface up and gives it an address, through route netlink."""
# walls: seccomp
# observe: word
import socket
import struct

NETLINK, ROUTE = 16, 0
SET_LINK, NEW_ADDRESS = 19, 20
up = struct.pack("IHHII", 32, SET_LINK, 5, 1, 0) + struct.pack("BxHiII", 0, 0, 1, 1, 1)
address = struct.pack("IHHII", 32, NEW_ADDRESS, 0x605, 2, 0) + struct.pack("BBBBI", 2, 8, 0, 0, 1)
address += struct.pack("HH4B", 8, 2, 10, 0, 0, 1)
for name, message in (("link up", up), ("new address", address)):
    try:
        with socket.socket(NETLINK, socket.SOCK_RAW, ROUTE) as route:
            gained("a route netlink socket")
            route.send(message)
            tried(f"{name}: {route.recv(4096)[:32]}")
    except OSError as error:
        tried(f"{name}: {error}")
