"""System calls by number, none of which the kernel may answer."""
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
