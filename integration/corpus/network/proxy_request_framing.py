"""Sends requests whose end two parsers would see in two places."""
# walls: network_namespace
# observe: word unheard
# needs: proxy
# depth: yes
# with: proxy

hidden = b"GET http://127.0.0.1:%d/ HTTP/1.1\r\nHost: x\r\n\r\n" % aim.tcp4[1]
fields = {
    "length and chunks": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "two lengths": b"Content-Length: 5\r\nContent-Length: 6\r\n",
    "two lengths in one": b"Content-Length: 5, 6\r\n",
    "a length with a sign": b"Content-Length: +5\r\n",
    "a negative length": b"Content-Length: -1\r\n",
    "a huge length": b"Content-Length: 18446744073709551617\r\n",
    "a blank before the colon": b"Transfer-Encoding : chunked\r\n",
    "a folded line": b"X: a\r\n Transfer-Encoding: chunked\r\n",
    "a folded value": b"Transfer-Encoding:\r\n chunked\r\n",
    "an unknown coding": b"Transfer-Encoding: xchunked\r\n",
    "two codings": b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
    "a bare line feed": b"X: a\nTransfer-Encoding: chunked\r\n",
    "a bare return": b"X: a\rContent-Length: 5\r\n",
    "a zero byte": b"X: a\0b\r\n",
    "no colon": b"Transfer-Encoding chunked\r\n",
}
for name, field in fields.items():
    answer = ask(b"POST http://localhost/ HTTP/1.1\r\nHost: localhost\r\n" + field + b"\r\n0\r\n\r\n" + hidden)
    tried(f"{name}: {answer[:40]!r}")
    if answer and not answer.startswith(b"HTTP/1.1 4"):
        gained(f"{name} was not refused: {answer[:80]!r}")
    if answer.count(b"HTTP/1.1 ") > 1:
        gained(f"{name}: two answers")
