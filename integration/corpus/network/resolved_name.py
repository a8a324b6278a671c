"""Asks the resolver for names and addresses that only a name server can know."""
# walls: network_namespace
# observe: word
# depth: yes
import socket

questions = {
    "example.com": lambda: socket.getaddrinfo("example.com", 80)[0][4],
    "example.com, IPv6": lambda: socket.getaddrinfo("example.com", 80, socket.AF_INET6)[0][4],
    "192.0.2.1 backwards": lambda: socket.gethostbyaddr("192.0.2.1"),
}
for name, ask in questions.items():
    try:
        gained(f"{name} is {ask()}")
    except OSError as error:
        tried(f"{name}: {error}")
