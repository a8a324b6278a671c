"""Asks the proxy for names that look like a listed one: longer, nested, in other letters, with other bytes inside."""
# walls: network_namespace
# observe: word
# run: --network restricted --allow-domain allowed.invalid
# depth: yes
# with: proxy

names = [
    b"allowed.invalid.evil.invalid", b"evilallowed.invalid", b"evil-allowed.invalid",
    b"sub.allowed.invalid", b".allowed.invalid", b"allowed.invalid..", b"allowed..invalid",
    b"allowed.invalid\x00.evil.invalid", b"evil.invalid\x00.allowed.invalid",
    b"evil.invalid%00allowed.invalid", b"evil.invalid%2eallowed.invalid",
    "\u0430llowed.invalid".encode(), "\uff41llowed.invalid".encode(), "allowed\u3002invalid".encode(),
    b"xn--llowed-4nf.invalid", b"allowed.invalid/.evil.invalid", b"evil.invalid/allowed.invalid",
    b"evil.invalid?allowed.invalid", b"evil.invalid#allowed.invalid", b"evil.invalid\\allowed.invalid",
    b"*.invalid", b"*", b"allowed_invalid", b"allowed.invalid\tevil.invalid", b"a" * 64 + b".allowed.invalid",
]
for name in names:
    for request in (b"CONNECT %s:443 HTTP/1.1\r\n\r\n", b"GET http://%s/ HTTP/1.1\r\n\r\n"):
        # What stands before a slash is a name of its own, which is the listed one here.
        if name.startswith(b"allowed.invalid/") and request.startswith(b"GET"):
            continue
        answer = ask(request % name)
        if answer and not answer.startswith(b"HTTP/1.1 4"):
            gained(f"{request % name} was not refused: {answer[:80]!r}")
    tried(name)
