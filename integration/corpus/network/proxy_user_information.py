"""Hides the real host behind user information that reads like a listed one."""
# walls: network_namespace
# observe: word unheard
# needs: proxy
# depth: yes
# with: proxy

here = b"127.0.0.1:%d" % aim.tcp4[1]
targets = [
    b"localhost@" + here, b"localhost:80@" + here, b"localhost:443@refused.invalid:443",
    here + b"@localhost", b"localhost%40" + here, b"localhost@@" + here, b"@" + here,
    b"localhost\\@" + here, b"localhost#@" + here, b"localhost?@" + here, b"localhost, " + here,
    b"localhost " + here, b"localhost:80:" + here,
]
for target in targets:
    for request in (b"CONNECT %s HTTP/1.1\r\n\r\n", b"GET http://%s/ HTTP/1.1\r\n\r\n"):
        answer = ask(request % target)
        if answer and not answer.startswith(b"HTTP/1.1 4"):
            gained(f"{request % target} was not refused: {answer[:80]!r}")
    tried(target)
