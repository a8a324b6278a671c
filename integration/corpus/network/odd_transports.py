"""Asks for transports other than TCP and UDP: SCTP, MPTCP, DCCP, UDP-Lite, L2TP, SMC."""
# walls: seccomp
# observe: word
import errno
import socket

SMC_FAMILY = 43
transports = {
    "SCTP": 132, "MPTCP": 262, "DCCP": 33, "UDP-Lite": 136, "L2TP": 115, "IGMP": 2, "SMC": 256,
}
attempts = [("SMC", SMC_FAMILY, 1, 0), ("SMC", SMC_FAMILY, 1, 1)]
for name, protocol in transports.items():
    for family in (socket.AF_INET, socket.AF_INET6):
        attempts += [(name, family, kind, protocol) for kind in (1, 2, 5, 6)]
for name, *which in attempts:
    try:
        socket.socket(*which).close()
        gained(f"a socket of {name}: {which}")
    except OSError as error:
        tried(f"{name} {which}: {error.strerror}")
        if error.errno not in (errno.EPERM, errno.ENOSYS):
            gained(f"{name} was looked for: {error.strerror}")
