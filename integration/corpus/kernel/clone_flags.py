"""Forks with every flag that makes a namespace or gives the child to somebody else, alone and with others."""
# walls: seccomp
# observe: word
# needs: wall:pid_namespace
import ctypes
import errno
import os

SIGCHLD = 17
FLAGS = {
    "time namespace": 0x80, "mount namespace": 0x20000, "control groups": 0x02000000,
    "host name": 0x04000000, "queues": 0x08000000, "user namespace": 0x10000000,
    "processes": 0x20000000, "network": 0x40000000, "a sibling": 0x8000,
}
X86 = os.uname().machine == "x86_64"
CLONE = 56 if X86 else 220
CLONE3, UNSHARE = 435, 272 if X86 else 97
libc = ctypes.CDLL(None, use_errno=True)


def attempt(name, number, *arguments):
    ctypes.set_errno(0)
    came = libc.syscall(ctypes.c_long(number), *arguments)
    if came == 0 and number != UNSHARE:
        os._exit(0)
    code = ctypes.get_errno()
    if came > 0:
        os.waitpid(came, 0)
    if came != -1 or code not in (errno.EPERM, errno.ENOSYS):
        gained(f"{name}: {came}, {os.strerror(code)}")
    tried(f"{name}: {os.strerror(code)}")


for name, flag in FLAGS.items():
    # The lowest byte of clone is the signal: a time namespace can only be asked for by the others.
    if flag != 0x80:
        for more in (0, 0x100, 0x4000):
            flags = ctypes.c_ulong(flag | more | SIGCHLD)
            attempt(f"clone, {name}", CLONE, flags, *[ctypes.c_ulong(0)] * 4)
        high = ctypes.c_ulong(0xFF << 32 | flag | SIGCHLD)
        attempt(f"clone, {name}, high bits", CLONE, high, *[ctypes.c_ulong(0)] * 4)
    fields = (ctypes.c_uint64 * 11)(flag, 0, 0, 0, SIGCHLD)
    attempt(f"clone3, {name}", CLONE3, fields, ctypes.c_ulong(88))
    if name != "a sibling":
        attempt(f"unshare, {name}", UNSHARE, ctypes.c_ulong(flag))
for name, flag in {"files": 0x400, "semaphores": 0x40000, "root and cwd": 0x200}.items():
    attempt(f"unshare, {name}", UNSHARE, ctypes.c_ulong(flag))
attempt("clone3 of nothing", CLONE3, (ctypes.c_uint64 * 11)(), ctypes.c_ulong(88))
attempt("clone3 at a bad place", CLONE3, ctypes.c_ulong(1), ctypes.c_ulong(88))
# The control: a plain child.
child = os.fork()
if child == 0:
    os._exit(7)
assert os.waitpid(child, 0)[1] >> 8 == 7
