"""Loads and unloads modules of the kernel, by call and by asking for what the kernel would load by itself."""
# walls: seccomp capabilities
# observe: word
# depth: yes
# with: calls
import ctypes
import os
import platform
import socket

INIT, FINIT, DELETE = (105, 273, 106) if platform.machine() == "aarch64" else (175, 313, 176)

held = os.open(os.__file__, os.O_RDONLY)
image = ctypes.create_string_buffer(b"\x7fELF", 64)
for name, words in (
    ("init_module", (INIT, ctypes.addressof(image), 64, b"")),
    ("finit_module", (FINIT, held, b"", 0)),
    ("finit_module without checks", (FINIT, held, b"", 3)),
    ("delete_module", (DELETE, b"no_such_module", 0)),
):
    error = call(*words)
    if error not in (os.strerror(1), os.strerror(38)):
        gained(f"{name} was heard: {error}")
    tried(f"{name}: {error}")

# Families of sockets whose modules a host loads on demand.
for name, family, kind, protocol in (
    ("SCTP", socket.AF_INET, socket.SOCK_STREAM, 132), ("DCCP", socket.AF_INET, 6, 33), ("CAN", 29, socket.SOCK_RAW, 1),
    ("TIPC", 30, socket.SOCK_DGRAM, 0), ("AppleTalk", 5, socket.SOCK_DGRAM, 0), ("RDS", 21, socket.SOCK_SEQPACKET, 0),
    ("kernel crypto", 38, socket.SOCK_SEQPACKET, 0), ("Bluetooth", 31, socket.SOCK_RAW, 1),
    ("vsock", 40, socket.SOCK_STREAM, 0),
):
    try:
        socket.socket(family, kind, protocol).close()
        gained(f"a socket of {name}")
    except OSError as error:
        tried(f"a socket of {name}: {error.strerror}")
