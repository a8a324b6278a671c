"""Turns every switch that prctl has but those of a run, each in a process of its own."""
# walls: seccomp
# observe: word
# needs: wall:pid_namespace
import ctypes
import errno
import os

# Name and timer slack of a thread, what only reads, and what can only be set to what it is.
ALLOWED = {1, 2, 3, 15, 16, 21, 23, 29, 30, 38, 39, 0x53564D41}
ODD = [0x59616D61, 0x41555856, 0x53564D42, 0x1_0000_0000 + 22, 1000, -1]
libc = ctypes.CDLL(None, use_errno=True)


def answer(option, *arguments):
    child = os.fork()
    if child == 0:
        longs = [ctypes.c_long(value) for value in (option, *arguments, 0, 0, 0, 0)[:5]]
        failed = libc.prctl(*longs) == -1
        os._exit(ctypes.get_errno() if failed else 0)
    status = os.waitpid(child, 0)[1]
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else None


refused = 0
for option in [option for option in range(100) if option not in ALLOWED] + ODD:
    for argument in (0, 1):
        came = answer(option, argument)
        if came in (errno.EPERM, errno.ENOSYS):
            refused += 1
        else:
            gained(f"prctl {option:#x}, {argument} was answered: {came}")
tried(f"{refused} switches are refused")
for signal in (0, 15):
    if answer(1, signal) not in (errno.EPERM, errno.ENOSYS):
        gained(f"it need not die with its parent: signal {signal}")
tried("death with the parent")
# The control: a name is read.
assert libc.prctl(16, ctypes.create_string_buffer(16)) == 0
