"""Asks for a socket and a pair of every family there is but unix and the internet."""
# walls: seccomp
# observe: word
import ctypes
import errno

UNIX, INTERNET, INTERNET6 = 1, 2, 10
libc = ctypes.CDLL(None, use_errno=True)
pair = (ctypes.c_int * 2)()
calls = {"socket": lambda *of: libc.socket(*of), "socketpair": lambda *of: libc.socketpair(*of, pair)}
for name, call in calls.items():
    refused = 0
    for family in set(range(64)) - {UNIX, INTERNET, INTERNET6}:
        for kind in range(1, 7):
            ctypes.set_errno(0)
            answer = call(family, kind, 0)
            if answer == -1 and ctypes.get_errno() in (errno.EPERM, errno.ENOSYS):
                refused += 1
            else:
                gained(f"{name} of family {family}, kind {kind}: {answer}, {ctypes.get_errno()}")
    tried(f"{name}: {refused} refused")
