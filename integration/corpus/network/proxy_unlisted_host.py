"""Asks the proxy for hosts that are not listed, a listed one named wherever else a request can name one."""
# walls: network_namespace
# observe: word unheard
# needs: proxy
# depth: yes
# with: proxy

requests = {
    "connect": b"CONNECT refused.invalid:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "absolute form": b"GET http://refused.invalid/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "only the header": b"GET / HTTP/1.1\r\nHost: refused.invalid\r\n\r\n",
    "two hosts": b"GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\nHost: refused.invalid\r\n\r\n",
    "the other host": b"GET http://localhost/ HTTP/1.1\r\nHost: refused.invalid\r\n\r\n",
    "an old version": b"GET http://refused.invalid/ HTTP/1.0\r\n\r\n",
    "no path": b"GET http://refused.invalid HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "forwarded": b"GET http://refused.invalid/ HTTP/1.1\r\nX-Forwarded-Host: localhost\r\n\r\n",
}
for name, request in requests.items():
    answer = ask(request)
    tried(f"{name}: {answer[:40]!r}")
    if not answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")):
        gained(f"{name} was not refused: {answer[:80]!r}")
