"""Forks a process as its parent's child: none of the run's reaps it, whoever is outside must."""
# walls: seccomp
# observe: word
# within: 10
import ctypes, os, signal, time

CLONE_PARENT = 0x8000
libc = ctypes.CDLL(None)
clone = 56 if os.uname().machine == "x86_64" else 220
child = libc.syscall(clone, CLONE_PARENT | signal.SIGCHLD, 0, 0, 0, 0)
if child == 0:
    mark()
    time.sleep(60)
    os._exit(0)
tried("clone with CLONE_PARENT: %d" % child)
if child > 0:
    gained("a child of somebody else's")
