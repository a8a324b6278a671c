"""Connects by TCP over IPv6 to a listener on the host's loopback, and to the IPv4 one by its mapped address."""
# walls: network_namespace landlock_network
# observe: unheard
# needs: ipv6
# depth: yes
import socket

targets = [("::1", aim.tcp6[1]), ("::", aim.tcp6[1]), (f"::ffff:{aim.tcp4[0]}", aim.tcp4[1])]
for host, port in targets:
    try:
        with socket.socket(socket.AF_INET6) as connection:
            connection.settimeout(2)
            connection.connect((host, port))
            connection.sendall(b"knock")
        tried(f"{host}: connected")
    except OSError as error:
        tried(f"{host}: {error}")
