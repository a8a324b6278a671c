"""Asks the proxy for a listener of the host by its address, spelled in every way a resolver reads."""
# walls: network_namespace
# observe: word unheard
# needs: proxy
# depth: yes
# with: proxy

number = aim.tcp4[1]
spellings = [
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.0.0.1", "127.0.0.1.",
    "0.0.0.0", "0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[0:0:0:0:0:0:0:1]", "[::1%25lo]",
    "[64:ff9b::7f00:1]", "127.0.0.1%00.localhost", "\uff11\uff12\uff17.0.0.1",
]
for spelling in spellings:
    for port in (number, 80, 443):
        target = f"{spelling}:{port}".encode()
        for request in (b"CONNECT %s HTTP/1.1\r\n\r\n", b"GET http://%s/ HTTP/1.1\r\n\r\n"):
            answer = ask(request % target)
            if answer and not answer.startswith(b"HTTP/1.1 4"):
                gained(f"{target} was not refused: {answer[:80]!r}")
    tried(spelling)
