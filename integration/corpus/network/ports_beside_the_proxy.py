"""Listens and connects on ports of its own loopback other than the proxy's."""
# walls: landlock_network
# observe: word
# needs: proxy wall:landlock_network
import errno
import socket


def bind(port):
    def attempt(holder):
        holder.bind(("127.0.0.1", port))
    return attempt


def connect(port):
    def attempt(holder):
        holder.connect(("127.0.0.1", port))
    return attempt


ways = {
    "binds 8080": bind(8080), "binds any": bind(0), "connects to 8081": connect(8081),
    "connects to 80": connect(80), "listens": lambda holder: holder.listen(),
}
for name, way in ways.items():
    with socket.socket() as holder:
        holder.settimeout(2)
        try:
            way(holder)
            if name != "listens":
                gained(f"{name}: done")
            tried(f"{name}: done")
        except OSError as error:
            tried(f"{name}: {error}")
            if error.errno != errno.EACCES:
                gained(f"{name}: no wall, but {error.strerror}")
