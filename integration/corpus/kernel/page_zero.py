"""Maps, moves and grows memory to address zero and into the kernel's half."""
# walls: capabilities seccomp
# observe: word
# depth: yes
import ctypes
import mmap
import os

libc = ctypes.CDLL(None, use_errno=True)
for function in (libc.mmap, libc.mremap):
    function.restype = ctypes.c_void_p
FIXED, PRIVATE, ANONYMOUS, GROWS_DOWN = 0x10, 2, 0x20, 0x100
MAY_MOVE, MOVE_FIXED, DONT_UNMAP = 1, 2, 4
FAILED = ctypes.c_void_p(-1).value
PAGE = mmap.PAGESIZE


def attempt(name, came):
    tried(f"{name}: {os.strerror(ctypes.get_errno()) if came == FAILED else came}")
    if came != FAILED:
        gained(f"{name}: mapped at {came}")


def long(value):
    return ctypes.c_ulong(value & (1 << 64) - 1)


for address in (0, 1 << 63, -PAGE, (1 << 47) - PAGE // 2):
    for flags in (FIXED, FIXED | GROWS_DOWN):
        came = libc.mmap(long(address), long(PAGE), 3, flags | PRIVATE | ANONYMOUS, -1, long(0))
        attempt(f"map at {address:#x}", came)
page = mmap.mmap(-1, PAGE, PRIVATE | ANONYMOUS)
start = ctypes.addressof(ctypes.c_char.from_buffer(page))
for flags in (MAY_MOVE | MOVE_FIXED, MAY_MOVE | MOVE_FIXED | DONT_UNMAP):
    for address in (0, 1 << 63, -PAGE):
        came = libc.mremap(long(start), long(PAGE), long(PAGE), flags, long(address))
        attempt(f"move to {address:#x}", came)
attempt("from nothing", libc.mremap(long(start), long(0), long(PAGE), MAY_MOVE))
attempt("to more than there is", libc.mremap(long(start), long(PAGE), long(1 << 62), MAY_MOVE))
attempt("from elsewhere", libc.mremap(long(PAGE), long(PAGE), long(PAGE), MAY_MOVE))
