"""Takes the proxy's own port over, to answer in its place."""
# walls: landlock_network
# observe: word
# needs: proxy
# depth: yes
import os
import socket

host, port = os.environ["http_proxy"].rpartition("/")[2].split(":")
for option in (None, socket.SO_REUSEADDR, socket.SO_REUSEPORT):
    for address in (host, "0.0.0.0", "127.0.0.2"):
        with socket.socket() as thief:
            try:
                if option is not None:
                    thief.setsockopt(socket.SOL_SOCKET, option, 1)
                thief.bind((address, int(port)))
                thief.listen()
                gained(f"listens on {address}:{port}")
            except OSError as error:
                tried(f"{address}: {error}")
