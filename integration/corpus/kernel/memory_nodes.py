"""Moves memory between nodes, of itself and of others, and sets policies for it."""
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


calls = {
    "mbind": (237, 235), "set_mempolicy": (238, 237), "get_mempolicy": (239, 236),
    "migrate_pages": (256, 238), "move_pages": (279, 239), "set_mempolicy_home_node": (450, 450),
}
for name, (number, other) in calls.items():
    for process in (0, 1):
        call(f"{name} of {process}", number if X86 else other, process, 0, 0, 0, 0, 0)
