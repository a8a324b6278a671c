"""Clears the signal that would end it with its sandbox, or changes it for one that it ignores."""
# walls: seccomp
# observe: word
# within: 10
import ctypes, signal

PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True)
for number in (0, signal.SIGCHLD, signal.SIGCONT, signal.SIGUSR1):
    if libc.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0) == 0:
        gained("the death signal is %d" % number)
    tried("PR_SET_PDEATHSIG %d" % number)
