"""Starts the interpreter again by every call that starts a program: spawn, exec, vfork, by descriptor."""
# walls: exec_gate
# observe: word
import ctypes
import os
import platform
import subprocess
import sys
import threading

libc = ctypes.CDLL(None, use_errno=True)
EXECVE, EXECVEAT = (221, 281) if platform.machine() == "aarch64" else (59, 322)
path = os.path.realpath(sys.executable)
words = [path, "-S", "-c", "import os; os._exit(88)"]


def in_a_child(name, start):
    child = os.fork()
    if child == 0:
        try:
            start()
        finally:
            os._exit(77)
    status = os.waitpid(child, 0)[1]
    tried(f"{name}: status {status:x}")
    if not os.WIFEXITED(status) or os.WEXITSTATUS(status) != 77:
        gained(f"{name} started a program")


def raw(number, *before, after=()):
    arguments = (ctypes.c_char_p * 5)(*[word.encode() for word in words], None)
    libc.syscall(ctypes.c_long(number), *before, arguments, None, *after)


def from_a_thread():
    thread = threading.Thread(target=os.execv, args=(path, words))
    thread.start()
    thread.join()


held = os.open(path, os.O_RDONLY)
in_a_child("execv", lambda: os.execv(path, words))
in_a_child("execve of a descriptor", lambda: os.execve(held, words, {}))
in_a_child("a raw execve", lambda: raw(EXECVE, path.encode()))
in_a_child("execveat", lambda: raw(EXECVEAT, ctypes.c_long(held), b"", after=(ctypes.c_long(0x1000),)))
in_a_child("execv of /proc/self/exe", lambda: os.execv("/proc/self/exe", words))
in_a_child("execv from a thread", from_a_thread)
for name, start in (
    ("posix_spawn", lambda: os.waitstatus_to_exitcode(os.waitpid(os.posix_spawn(path, words, {}), 0)[1])),
    ("subprocess", lambda: subprocess.run(words, timeout=10).returncode),
):
    try:
        code = start()
        tried(f"{name}: exit {code}")
        if code == 88:
            gained(f"{name} started a program")
    except OSError as error:
        tried(f"{name}: {error.strerror}")
