"""Starts a program from memory without a name: by its descriptor, through /proc and by an empty path."""
# walls: exec_gate seccomp landlock
# observe: word
# depth: yes
import ctypes
import os
import platform
import sys

libc = ctypes.CDLL(None, use_errno=True)
ARM = platform.machine() == "aarch64"
MEMFD_CREATE, EXECVEAT, MEMFD_SECRET = (279, 281, 447) if ARM else (319, 322, 447)
AT_EMPTY_PATH, MFD_EXEC = 0x1000, 0x10

files = []
for name, number, flags in (("memory file", MEMFD_CREATE, 0), ("executable memory file", MEMFD_CREATE, MFD_EXEC)):
    descriptor = libc.syscall(ctypes.c_long(number), b"program", ctypes.c_long(flags))
    if descriptor >= 0:
        gained(f"a {name}")
        files.append(descriptor)
    else:
        tried(f"a {name}: {os.strerror(ctypes.get_errno())}")
if libc.syscall(ctypes.c_long(MEMFD_SECRET), ctypes.c_long(0)) >= 0:
    gained("secret memory")

# A file of scratch that no name leads to serves as well, if it may be executed.
files.append(os.open("/dev/shm", os.O_TMPFILE | os.O_RDWR, 0o755))
with open(sys.executable, "rb") as source:
    program = source.read()
for descriptor in files:
    os.write(descriptor, program)
    arguments = (ctypes.c_char_p * 4)(b"program", b"-c", b"pass", None)
    child = os.fork()
    if child == 0:
        words = (ctypes.c_long(descriptor), b"", arguments, None, ctypes.c_long(AT_EMPTY_PATH))
        libc.syscall(ctypes.c_long(EXECVEAT), *words)
        try:
            os.execve(f"/proc/self/fd/{descriptor}", ["program", "-c", "pass"], {})
        finally:
            os._exit(77)
    status = os.waitpid(child, 0)[1]
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 77:
        tried(f"descriptor {descriptor}: not started")
    else:
        gained(f"descriptor {descriptor} was started: {status}")
