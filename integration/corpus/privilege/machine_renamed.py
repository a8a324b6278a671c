"""Changes the name of the machine and of its domain."""
# walls: seccomp uts_namespace capabilities
# observe: word
# depth: yes
import ctypes
import os
import platform
import socket

libc = ctypes.CDLL(None, use_errno=True)
SETDOMAINNAME = 162 if platform.machine() == "aarch64" else 171

before = os.uname()
for name, attempt in (
    ("sethostname", lambda: socket.sethostname("taken-over")),
    ("setdomainname", lambda: libc.syscall(ctypes.c_long(SETDOMAINNAME), b"taken-over", ctypes.c_long(10))),
):
    ctypes.set_errno(0)
    try:
        attempt()
        tried(f"{name}: {os.strerror(ctypes.get_errno())}")
    except OSError as error:
        tried(f"{name}: {error.strerror}")
for path in ("/proc/sys/kernel/hostname", "/proc/sys/kernel/domainname"):
    try:
        with open(path, "w") as file:
            file.write("taken-over")
    except OSError as error:
        tried(f"{path}: {error.strerror}")
if os.uname() != before:
    gained(f"the machine is called {os.uname().nodename}")
