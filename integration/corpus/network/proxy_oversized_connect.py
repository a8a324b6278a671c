"""Asks for tunnels with names of a megabyte, bodies, and what looks like an answer inside."""
# walls: network_namespace
# observe: word unheard bounded
# run: --memory 64M
# needs: proxy
# depth: yes
# with: proxy

forged = b"x.invalid:443 HTTP/1.1\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"
targets = {
    "a long name": b"a" * (1 << 20) + b":443", "many labels": b"a." * 100_000 + b"localhost:443",
    "a name over the limit": b"a." * 127 + b"localhost:443", "a long label": b"a" * 64 + b".localhost:443",
    "a long port": b"localhost:" + b"4" * 30_000, "brackets": b"[" * 1000 + b"::1" + b"]" * 1000 + b":443",
    "a forged answer": forged,
}
requests = {name: b"CONNECT " + target + b" HTTP/1.1\r\n\r\n" for name, target in targets.items()}
requests["a body"] = b"CONNECT localhost:443 HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" + bytes(1000)
requests["chunks"] = b"CONNECT localhost:443 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
for name, request in requests.items():
    answer = ask(request)
    tried(f"{name}: {answer[:40]!r}")
    if answer and not answer.startswith(b"HTTP/1.1 4"):
        gained(f"{name} was not refused: {answer[:80]!r}")
