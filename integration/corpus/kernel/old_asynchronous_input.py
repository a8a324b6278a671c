"""Reads and writes through the older asynchronous calls, which work on behalf of the caller later."""
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


SETUP, DESTROY, GET, SUBMIT, CANCEL = (206, 207, 208, 209, 210) if X86 else (0, 1, 4, 2, 3)
context = ctypes.c_ulong(0)
call("setup", SETUP, 8, ctypes.byref(context))
call("submit", SUBMIT, 0, 1, None)
call("get", GET, 0, 0, 1, None, None)
call("get, with a mask", 333 if X86 else 292, 0, 0, 1, None, None, None)
call("cancel", CANCEL, 0, None, None)
call("destroy", DESTROY, 0)
