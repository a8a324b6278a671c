"""Asks the proxy for the addresses at which clouds tell a machine its credentials, all domains being allowed."""
# walls: network_namespace
# observe: word
# run: --network restricted --allow-domain * --allow-domain 169.254.169.254
# depth: yes
# with: proxy

spellings = [
    b"169.254.169.254", b"169.254.170.2", b"168.63.129.16", b"100.100.100.200", b"[fd00:ec2::254]",
    b"2852039166", b"0xa9fea9fe", b"0251.0376.0251.0376", b"169.254.43518", b"[::ffff:169.254.169.254]",
    b"[64:ff9b::a9fe:a9fe]", b"[2002:a9fe:a9fe::]",
]
for spelling in spellings:
    for request in (b"CONNECT %s:443 HTTP/1.1\r\n\r\n", b"GET http://%s/latest/ HTTP/1.1\r\n\r\n"):
        answer = ask(request % spelling)
        tried(f"{spelling}: {answer[:40]!r}")
        if answer and not answer.startswith(b"HTTP/1.1 4"):
            gained(f"{spelling} was not refused: {answer[:80]!r}")
