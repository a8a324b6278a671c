"""Calls by the numbers of the x32 table, whose high bit a filter of plain numbers would miss."""
# walls: seccomp
# observe: word
# depth: yes
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


X32 = 0x40000000
names = {"getpid": 39, "open": 2, "ptrace": 521, "mount": 165, "io_uring_setup": 425, "execve": 520}
for name, number in names.items():
    call(name, X32 | number, 0, 0, 0, 0)
# A number is 32 bits wide to the kernel: what stands above them must not hide a call.
call("ptrace, with high bits", (1 << 32) | (101 if X86 else 117), 0, 0, 0, 0)
call("a negative number", -1, 0, 0, 0)
call("a number with the sign bit", -(1 << 31), 0, 0, 0)
