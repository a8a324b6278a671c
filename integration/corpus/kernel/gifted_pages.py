"""Gives pages of its memory to the kernel through a pipe, and keeps writing to them."""
# walls: seccomp
# observe: word
# with: refused_calls
import ctypes
import os

VMSPLICE = 278 if X86 else 75
GIFT = 8
read, write = os.pipe()
page = ctypes.create_string_buffer(4096)
vector = (ctypes.c_size_t * 2)(ctypes.addressof(page), 4096)
for flags in (0, GIFT, GIFT | 1 | 2):
    call(f"into a pipe, flags {flags}", VMSPLICE, write, vector, 1, flags)
call("out of a pipe", VMSPLICE, read, vector, 1, 0)
call("into nothing", VMSPLICE, -1, vector, 1, 0)
