"""Gives pages of its memory to the kernel through a pipe, and keeps writing to them."""
# walls: seccomp
# observe: word
import ctypes
import errno
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


VMSPLICE = 278 if X86 else 75
GIFT = 8
read, write = os.pipe()
page = ctypes.create_string_buffer(4096)
vector = (ctypes.c_size_t * 2)(ctypes.addressof(page), 4096)
for flags in (0, GIFT, GIFT | 1 | 2):
    call(f"into a pipe, flags {flags}", VMSPLICE, write, vector, 1, flags)
call("out of a pipe", VMSPLICE, read, vector, 1, 0)
call("into nothing", VMSPLICE, -1, vector, 1, 0)
