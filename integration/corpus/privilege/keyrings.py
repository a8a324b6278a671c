"""Adds, finds and links keys: keyrings belong to users and not to namespaces, so others could read them."""
# walls: seccomp
# observe: word
# with: calls
import platform

ADD_KEY, REQUEST_KEY, KEYCTL = (217, 218, 219) if platform.machine() == "aarch64" else (248, 249, 250)
RINGS = {"thread": -1, "process": -2, "session": -3, "user": -4, "user session": -5}
GET_ID, JOIN_SESSION, DESCRIBE, LINK, READ, PERSISTENT = 0, 1, 6, 8, 11, 22

for name, ring in RINGS.items():
    for way, words in (
        ("added to", (ADD_KEY, b"user", b"a-run", b"secret", 6, ring)),
        ("found", (KEYCTL, GET_ID, ring, 1)),
        ("described", (KEYCTL, DESCRIBE, ring, 0, 0)),
        ("read", (KEYCTL, READ, ring, 0, 0)),
        ("linked", (KEYCTL, LINK, ring, -3)),
    ):
        error = call(*words)
        if error is None:
            gained(f"the {name} keyring was {way}")
        tried(f"{name} keyring {way}: {error}")
for way, words in (
    ("a session joined", (KEYCTL, JOIN_SESSION, b"_ses")),
    ("a key requested", (REQUEST_KEY, b"user", b"a-run", b"upcall", -3)),
    ("a lasting keyring", (KEYCTL, PERSISTENT, -1, -3)),
):
    error = call(*words)
    if error is None:
        gained(way)
    tried(f"{way}: {error}")
