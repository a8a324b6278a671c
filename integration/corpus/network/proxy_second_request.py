"""Sends a second request right behind the first, and inside its body, which must never be read as one."""
# walls: network_namespace
# observe: word unheard
# needs: proxy
# depth: yes
# with: proxy

first = b"GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n%s\r\n"
hidden = b"GET http://127.0.0.1:%d/ HTTP/1.1\r\nHost: x\r\n\r\n" % aim.tcp4[1]
forms = {
    "pipelined": first % b"" + hidden,
    "kept alive": first % b"Connection: keep-alive\r\nProxy-Connection: keep-alive\r\n" + hidden,
    "behind a body": first % b"Content-Length: 2\r\n" + b"xx" + hidden,
    "as a body": first % (b"Content-Length: %d\r\n" % len(hidden)) + hidden,
    "behind chunks": first % b"Transfer-Encoding: chunked\r\n" + b"2\r\nxx\r\n0\r\n\r\n" + hidden,
    "as a trailer": first % b"Transfer-Encoding: chunked\r\n" + b"0\r\n" + hidden,
    "behind connect": b"CONNECT localhost:443 HTTP/1.1\r\n\r\n" + hidden,
    "fifty": (first % b"") * 50 + hidden,
}
answered = 0
for name, request in forms.items():
    answers = ask(request).count(b"HTTP/1.1 ")
    tried(f"{name}: {answers} answers")
    answered += answers
    if answers > 1:
        gained(f"{name}: {answers} answers where one is due")
# The control: first requests are answered. One answer may be lost with what was not read.
assert answered, "the proxy answers nothing"
