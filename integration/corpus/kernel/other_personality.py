"""Becomes a process of another kind: readable pages that run, no random addresses, a page at zero, an older kernel."""
# walls: seccomp
# observe: word
# with: refused_calls
import ctypes

PERSONALITY = 135 if X86 else 92
kinds = {
    "readable runs": 0x0400000, "no random addresses": 0x0040000, "page at zero": 0x0100000,
    "old layout": 0x0200000, "32 bits": 0x0800000, "3 GB": 0x8000000, "Linux 2.6": 0x0020000,
    "short inodes": 0x1000000, "sticky timeouts": 0x4000000, "Linux 32": 8, "plain": 0,
    "all but one bit": 0xFFFFFFFE,
}
for name, kind in kinds.items():
    call(name, PERSONALITY, kind)
# The control: it may be read.
assert libc.personality(ctypes.c_ulong(0xFFFFFFFF)) == 0
