"""Asks the proxy for a listed name that leads to the host itself, as a rebound name does."""
# walls: network_namespace
# observe: word unheard
# run: --allow-domain localhost.localdomain
# needs: proxy
# depth: yes
# with: proxy

for name in (b"localhost", b"LOCALHOST", b"localhost.", b"localhost.localdomain"):
    for port in (b"80", b"443", b"%d" % aim.tcp4[1]):
        target = name + b":" + port
        for request in (b"CONNECT %s HTTP/1.1\r\n\r\n", b"GET http://%s/ HTTP/1.1\r\n\r\n"):
            answer = ask(request % target)
            tried(f"{target}: {answer[:40]!r}")
            if answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 3")):
                gained(f"{target} was reached: {answer[:80]!r}")
