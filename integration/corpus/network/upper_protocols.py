"""Puts kernel TLS and other upper protocols on a TCP socket."""
# walls: seccomp
# observe: word
import errno
import socket

TCP_ULP = 31
SOL_TLS, SOL_MPTCP, SOL_SMC, SOL_ALG = 282, 284, 286, 279
with socket.socket() as holder:
    attempts = [(socket.IPPROTO_TCP, TCP_ULP, name) for name in (b"tls", b"mptcp", b"smc", b"espintcp")]
    attempts += [(level, 1, bytes(40)) for level in (SOL_TLS, SOL_MPTCP, SOL_SMC, SOL_ALG)]
    for attempt in attempts:
        try:
            holder.setsockopt(*attempt)
            gained(f"{attempt}: set")
        except OSError as error:
            tried(f"{attempt[:2]}: {error}")
            if error.errno not in (errno.EPERM, errno.ENOSYS):
                gained(f"{attempt[:2]} reached the kernel: {error.strerror}")
