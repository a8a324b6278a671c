"""Connects by TCP over IPv4 to a listener on the host's loopback, in every spelling of the address."""
# walls: network_namespace landlock_network
# observe: unheard
# depth: yes
import socket

port = aim.tcp4[1]
for host in (aim.tcp4[0], "localhost", "127.1", "0.0.0.0", "127.255.255.254"):
    try:
        with socket.create_connection((host, port), timeout=2) as connection:
            connection.sendall(b"knock")
        tried(f"{host}: connected")
    except OSError as error:
        tried(f"{host}: {error}")
