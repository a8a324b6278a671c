"""Turns what a processor does for a thread: segments, shadow stacks, tags, and the faults of cpuid."""
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


ARCH_PRCTL = 158
codes = {
    "set gs": 0x1001, "get gs": 0x1004, "get cpuid": 0x1011, "set cpuid": 0x1012,
    "map vdso x32": 0x2001, "map vdso 32": 0x2002, "map vdso 64": 0x2003,
    "untag mask": 0x4001, "enable tagging": 0x4002, "shadow stack on": 0x5001,
    "shadow stack off": 0x5002, "shadow stack lock": 0x5003, "shadow stack unlock": 0x5004,
    "guest components": 0x1025, "guest permission": 0x1024, "nothing": 0,
}
if not X86:
    raise SystemExit("this machine has no such call")
where = ctypes.create_string_buffer(64)
for name, code in codes.items():
    call(name, ARCH_PRCTL, code, where)
