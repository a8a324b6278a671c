"""Turns a connection to the proxy into something else: upgrades, other versions, other protocols."""
# walls: network_namespace
# observe: word unheard
# needs: proxy
# depth: yes
# with: proxy
import socket

get = b"GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n"
switch = b"Connection: Upgrade\r\nUpgrade: "
address = socket.inet_aton("127.0.0.1")
number = aim.tcp4[1].to_bytes(2, "big")
forms = {
    "websocket": get + switch + b"websocket\r\nSec-WebSocket-Key: x\r\n\r\n",
    "h2c": get + switch + b"h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
    "an upgrade of a tunnel": b"CONNECT localhost:443 HTTP/1.1\r\n" + switch + b"h2c\r\n\r\n",
    "http/2 at once": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
    "http/0.9": b"GET http://localhost/\r\n\r\n",
    "http/9.9": b"GET http://localhost/ HTTP/9.9\r\n\r\n",
    "tls": b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00\r\n\r\n",
    "socks 4": b"\x04\x01" + number + address + b"\x00\r\n\r\n",
    "socks 5": b"\x05\x01\x00\x05\x01\x00\x01" + address + number + b"\r\n\r\n",
    "haproxy": b"PROXY TCP4 127.0.0.1 127.0.0.1 1 80\r\n" + get + b"\r\n",
}
for name, request in forms.items():
    answer = ask(request)
    tried(f"{name}: {answer[:40]!r}")
    if answer and not answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")):
        gained(f"{name} was not refused: {answer[:80]!r}")
