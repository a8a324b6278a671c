"""Collects its own environment wherever a copy lies: Python's, the C library's, the kernel's."""
# walls: environment
# observe: unread word
import ctypes
import os

libc = ctypes.CDLL(None)
entries = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, "environ")
copies = [dict(os.environ)]
seen = {}
for index in range(4096):
    if not entries or entries[index] is None:
        break
    name, _, value = entries[index].decode(errors="replace").partition("=")
    seen[name] = value
copies.append(seen)
tried(f"Python has {len(copies[0])} variables, the C library {len(copies[1])}")

try:
    with open("/proc/self/environ", "rb") as file:
        copies.append(dict(line.partition("=")[::2] for line in file.read().decode(errors="replace").split("\0")))
    tried(f"the kernel has {len(copies[2])}")
except OSError as error:
    tried(f"/proc/self/environ: {error.strerror}")

for copy in copies:
    loot(repr(copy))
    # The five variables of ours, and a proxy's, are named otherwise.
    for name in copy:
        if any(word in name.upper() for word in ("KEY", "SECRET", "TOKEN", "PASSWORD", "CODEMODE", "GRPC")):
            gained(f"a variable named {name}")
