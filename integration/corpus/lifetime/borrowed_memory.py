"""Waits for a child that shares its memory and never lets go of it (vfork)."""
# walls: pid_namespace
# depth: yes
# verdict: timeout
# run: --timeout 2
# within: 10
import ctypes

CLONE_VM, CLONE_VFORK, SIGCHLD = 0x100, 0x4000, 17
libc = ctypes.CDLL(None)
stack = ctypes.create_string_buffer(1 << 16)
top = ctypes.c_void_p((ctypes.addressof(stack) + len(stack)) & ~15)
tried("a child that borrows and gives nothing back")
libc.clone(ctypes.cast(libc.pause, ctypes.c_void_p), top, CLONE_VM | CLONE_VFORK | SIGCHLD, None)
