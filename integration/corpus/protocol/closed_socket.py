"""Closes its control socket and opens a file in its place."""
# walls: descriptors
# depth: yes
# verdict: ok exit_code
# observe: neighbour
# within: 10
import os

os.close(3)
assert os.open("/tmp/in its place", os.O_CREAT | os.O_RDWR) == 3
tried("no control socket")
result = 1
