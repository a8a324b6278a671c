"""Connects to a unix socket of the host by its path, through every way back to the host's files."""
# walls: root mount_namespace
# observe: unheard
import os
import socket

path = aim.unix
for way in (path, "/proc/1/root" + path, "/proc/self/root" + path, "../../.." + path):
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(way)
            connection.sendall(b"knock")
        tried(f"{way}: connected")
    except OSError as error:
        tried(f"{way}: {error}")
try:
    os.symlink(path, "/tmp/door")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect("/tmp/door")
    tried("a link to it: connected")
except OSError as error:
    tried(f"a link to it: {error}")
