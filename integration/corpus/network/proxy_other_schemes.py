"""Asks the proxy for files, for other schemes, for itself, and with methods that reflect or configure."""
# walls: network_namespace
# observe: word unheard unread
# needs: proxy
# depth: yes
# with: proxy

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
