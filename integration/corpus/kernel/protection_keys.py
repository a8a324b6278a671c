"""Allocates protection keys and changes pages by them."""
# walls: seccomp
# observe: word
# with: refused_calls
import ctypes
import mmap

MPROTECT, ALLOC, FREE = (329, 330, 331) if X86 else (288, 289, 290)
page = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
call("alloc", ALLOC, 0, 0)
call("alloc with rights", ALLOC, 0, 3)
call("alloc with odd flags", ALLOC, 1, 0)
for key in (-1, 0, 1, 15):
    call(f"mprotect {key}", MPROTECT, address, 4096, 3, key)
    call(f"free {key}", FREE, key)
