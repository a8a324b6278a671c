"""Loads programs and tables into the kernel through bpf."""
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


BPF = 321 if X86 else 280
attributes = ctypes.create_string_buffer(128)
for number in range(0, 40):
    call(f"command {number}", BPF, number, attributes, 128)
# With a bad pointer the kernel that is asked says so.
call("a bad pointer", BPF, 0, 1, 72)
call("a bad size", BPF, 5, attributes, 1 << 20)
