"""Allocates protection keys and changes pages by them."""
# walls: seccomp
# observe: word
import ctypes
import errno
import mmap
import os

libc = ctypes.CDLL(None, use_errno=True)
X86 = os.uname().machine == "x86_64"


def call(name, number, *arguments):
    ctypes.set_errno(0)
    answer = libc.syscall(ctypes.c_long(number), *[
        ctypes.c_long(value) if isinstance(value, int) else value for value in arguments
    ])
    code = ctypes.get_errno() if answer == -1 else 0
    tried(f"{name}: {os.strerror(code) if code else answer}")
    if code not in (errno.EPERM, errno.ENOSYS):
        gained(f"{name} was answered by the kernel: {answer}, {os.strerror(code)}")


MPROTECT, ALLOC, FREE = (329, 330, 331) if X86 else (288, 289, 290)
page = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
call("alloc", ALLOC, 0, 0)
call("alloc with rights", ALLOC, 0, 3)
call("alloc with odd flags", ALLOC, 1, 0)
for key in (-1, 0, 1, 15):
    call(f"mprotect {key}", MPROTECT, address, 4096, 3, key)
    call(f"free {key}", FREE, key)
