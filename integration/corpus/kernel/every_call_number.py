"""Makes every system call from 0 to 600 blindly, each in a process of its own."""
# walls: seccomp
# observe: word
# needs: wall:pid_namespace
# within: 40
import ctypes
import errno
import os
import signal

# The calls that a run may make. Whatever else the kernel answers is a call that nobody meant to allow.
ALLOWED = {
    "x86_64": "0-28 32-63 72-100 102 104 107-112 115 118 120-121 124-125 127-133 135 137-138 140-152"
    " 157-158 160 186-204 213 217-219 221-226 228-235 247 251-255 257-271 273 275-277 280-297 299"
    " 302 307 309 314-316 318 322 324-328 332 334 424 434 436-437 439 441 449 452 454-456",
}
# Two entries of probes' trampolines, which Linux lets pass every filter since 6.14. Called from elsewhere they only fail.
UNFILTERED = {"x86_64": {335: -signal.SIGILL, 336: errno.ENXIO}}
if os.uname().machine not in ALLOWED:
    raise NotImplementedError(f"no table of calls for {os.uname().machine}")
allowed = set()
for part in ALLOWED[os.uname().machine].split():
    first, _, last = part.partition("-")
    allowed.update(range(int(first), int(last or first) + 1))

libc = ctypes.CDLL(None, use_errno=True)
nothing = [ctypes.c_long(-1)] * 6


def answer(number):
    """The errno of the call, 0 for none, or less for the signal that came of it."""
    child = os.fork()
    if child == 0:
        signal.alarm(2)
        failed = libc.syscall(ctypes.c_long(number), *nothing) == -1
        os._exit(ctypes.get_errno() if failed else 0)
    status = os.waitpid(child, 0)[1]
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)


refused = 0
for number in set(range(601)) - allowed:
    came = answer(number)
    if came in (errno.EPERM, errno.ENOSYS) or came == UNFILTERED[os.uname().machine].get(number):
        refused += 1
    else:
        gained(f"call {number} was answered: errno or signal {came}")
tried(f"{refused} numbers are refused")
# The control: calls that are allowed do reach the kernel, which finds fault with these arguments.
reached = sum(answer(number) not in (errno.EPERM, errno.ENOSYS) for number in (0, 1, 3, 8, 72, 257))
assert reached == 6, reached
