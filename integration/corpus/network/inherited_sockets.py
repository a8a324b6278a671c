"""Looks for sockets it was born with, and turns each of them towards a listener of the host."""
# walls: descriptors
# observe: unheard word
# depth: yes
import os
import socket
import stat

found = []
for number in range(1024):
    try:
        if stat.S_ISSOCK(os.fstat(number).st_mode):
            found.append(number)
    except OSError:
        continue
tried(f"sockets among the descriptors: {found}")
if len(found) > 1:
    gained(f"{len(found)} sockets, and one is the run's own")
for number in found:
    inherited = socket.socket(fileno=os.dup(number))
    if inherited.family != socket.AF_UNIX:
        gained(f"descriptor {number} is of family {inherited.family}")
    for address in (tuple(aim.tcp4), aim.abstract, aim.unix):
        try:
            inherited.connect(address)
            gained(f"descriptor {number} is connected anew")
        except (OSError, TypeError) as error:
            tried(f"descriptor {number}: {error}")
