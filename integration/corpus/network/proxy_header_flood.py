"""Floods the proxy with headers: a hundred thousand, one of many megabytes, one without an end."""
# walls: network_namespace
# observe: word bounded
# run: --memory 64M
# needs: proxy
# depth: yes
# with: proxy

line = b"GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n"
floods = {
    "many": line + b"X: y\r\n" * 100_000 + b"\r\n",
    "just too many": line + b"X: y\r\n" * 200 + b"\r\n",
    "one large": line + b"X: " + b"y" * (8 << 20) + b"\r\n\r\n",
    "a large name": line + b"y" * (1 << 20) + b": x\r\n\r\n",
    "a large target": b"GET http://localhost/" + b"y" * (1 << 20) + b" HTTP/1.1\r\n\r\n",
    "a large method": b"y" * (1 << 20) + b" http://localhost/ HTTP/1.1\r\n\r\n",
}
for name, flood in floods.items():
    answer = ask(flood)
    tried(f"{name}: {answer[:40]!r}")
    if answer and not answer.startswith(b"HTTP/1.1 4"):
        gained(f"{name} was not refused: {answer[:80]!r}")
