"""Asks for ports of a listed host that are not the web's, in numbers plain and odd."""
# walls: network_namespace
# observe: word unheard
# needs: proxy
# depth: yes
# with: proxy

here = b"%d" % aim.tcp4[1]
ports = [
    here, b"22", b"25", b"0", b"00443", b"+443", b"-1", b"65979", b"4294967739", b"443 ", b"443x",
    b"0x1bb", b"", b"443:22", b"443@22", "\u0664\u0664\u0663".encode(), b"1" * 40,
]
for port in ports:
    for request in (b"CONNECT localhost:%s HTTP/1.1\r\n\r\n", b"GET http://localhost:%s/ HTTP/1.1\r\n\r\n"):
        answer = ask(request % port)
        if answer and not answer.startswith(b"HTTP/1.1 4"):
            gained(f"port {port} was not refused: {answer[:80]!r}")
    tried(port)
