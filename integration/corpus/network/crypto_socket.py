"""Reaches the kernel's ciphers through an AF_ALG socket, which loads modules by name."""
# walls: seccomp
# observe: word
import errno
import socket

ALG = 38
for kind in ("hash", "skcipher", "aead", "rng"):
    try:
        with socket.socket(ALG, socket.SOCK_SEQPACKET) as cipher:
            gained("an AF_ALG socket")
            cipher.bind((kind, "no such thing"))
    except OSError as error:
        tried(f"{kind}: {error}")
        if error.errno not in (errno.EPERM, errno.ENOSYS):
            gained(f"AF_ALG was looked for: {error.strerror}")
