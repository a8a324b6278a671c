"""Fills the quota of kernel keys, which all processes of a user share."""
# walls: seccomp
# observe: word
# run: --timeout 5 --memory 64M
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
ADD = 248 if os.uname().machine == "x86_64" else 217
PROCESS_KEYRING = -2
added = 0
for number in range(1000):
    name = b"key %d" % number
    if libc.syscall(ctypes.c_long(ADD), b"user", name, b"x" * 100, 100, PROCESS_KEYRING) == -1:
        break
    added += 1
tried(f"{added} keys, then {os.strerror(ctypes.get_errno())}")
if added:
    gained(f"{added} keys")
