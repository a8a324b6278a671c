"""Changes how the kernel lays out memory: without randomness, readable means executable, page zero."""
# walls: seccomp
# observe: word
# with: calls
import ctypes
import platform

PERSONALITY = 92 if platform.machine() == "aarch64" else 135
ASK = 0xFFFFFFFF

before = libc.syscall(ctypes.c_long(PERSONALITY), ctypes.c_long(ASK))
for name, wish in (
    ("no randomness", 0x0040000), ("readable is executable", 0x0400000), ("page zero", 0x0100000), ("32 bits", 0x0008),
    ("old system call names", 0x0020000), ("plain", 0),
):
    error = call(PERSONALITY, wish)
    tried(f"{name}: {error}")
    if error is None and wish:
        gained(f"{name} was taken")
if libc.syscall(ctypes.c_long(PERSONALITY), ctypes.c_long(ASK)) != before:
    gained("the personality has changed")
