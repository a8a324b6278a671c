"""Holds hundreds of connections to the proxy open, each with a request that never ends."""
# walls: network_namespace
# observe: bounded neighbour
# run: --memory 64M --open-files 512
# needs: proxy
# depth: yes
import os
import socket
import time

host, port = os.environ["http_proxy"].rpartition("/")[2].split(":")
held = []
for _ in range(400):
    connection = socket.socket()
    connection.settimeout(0.5)
    try:
        connection.connect((host, int(port)))
        connection.sendall(b"GET http://localhost/ HTT")
    except OSError as error:
        tried(f"after {len(held)}: {error}")
        break
    held.append(connection)
tried(f"{len(held)} connections are held")
for _ in range(5):
    for connection in held:
        try:
            connection.send(b"P")
        except OSError:
            continue
    time.sleep(0.1)
