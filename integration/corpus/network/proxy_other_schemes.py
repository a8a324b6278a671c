"""Asks the proxy for files, for other schemes, for itself, and with methods that reflect or configure."""
# walls: network_namespace
# observe: word unheard unread
# run: --network restricted --allow-domain localhost
# depth: yes
import os
import socket

HOST, PORT = os.environ["http_proxy"].rpartition("/")[2].split(":")


def ask(request):
    answer = b""
    with socket.create_connection((HOST, int(PORT)), timeout=5) as proxy:
        try:
            proxy.sendall(request)
            while len(answer) < 1 << 16:
                part = proxy.recv(4096)
                if not part:
                    break
                answer += part
        except OSError as error:
            tried(f"the proxy hung up: {error}")
    return answer


lines = [
    b"GET file://" + aim.file.encode(), b"GET file://localhost" + aim.file.encode(),
    b"GET ftp://localhost/", b"GET gopher://localhost:%d/x" % aim.tcp4[1], b"GET https://localhost/",
    b"GET unix:" + aim.unix.encode(), b"GET //localhost/", b"GET /", b"OPTIONS *", b"TRACE /",
    b"GET http:///", b"GET http:localhost", b"GET localhost:80", b"GET http://:80/",
    b"CONNECT /", b"CONNECT localhost", b"CONNECT http://localhost:443/", b"CONNECT :443", b"CONNECT *",
    b"PURGE /", b"CONNECT unix:" + aim.unix.encode(),
]
for line in lines:
    answer = ask(line + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    tried(f"{line}: {answer[:40]!r}")
    loot(answer)
    if answer and not answer.startswith(b"HTTP/1.1 4"):
        gained(f"{line} was not refused: {answer[:80]!r}")
