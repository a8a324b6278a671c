"""Leaves keys in the kernel's keyrings, which no namespace divides, and looks for those of others."""
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


ADD, REQUEST, CONTROL = (248, 249, 250) if X86 else (217, 218, 219)
USER, SESSION, USER_SESSION = -4, -3, -5
for keyring in (USER, SESSION, USER_SESSION):
    call(f"add to {keyring}", ADD, b"user", b"a note", b"to the next run", 15, keyring)
    call(f"id of {keyring}", CONTROL, 0, keyring, 1)
    call(f"search {keyring}", CONTROL, 10, keyring, b"user", b"a note", 0)
call("request", REQUEST, b"user", b"a note", None, 0)
call("join a session", CONTROL, 1, b"shared")
for number in range(0, 33):
    call(f"keyctl {number}", CONTROL, number, 0, 0, 0, 0)
