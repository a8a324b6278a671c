"""Shuts its side of the socket for writing and goes on."""
# walls: descriptors
# depth: yes
# verdict: exit_code
# observe: neighbour
# within: 10
import socket

control = socket.socket(fileno=3)
control.shutdown(socket.SHUT_WR)
control.detach()
tried("a result that can't be told")
result = 1
