"""Takes the handling of page faults over, to hold the kernel still in the middle of a copy."""
# walls: seccomp root
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


USERFAULTFD = 323 if X86 else 282
for flags in (0, 1, 0o2000000, 0o4001, -1):
    call(f"flags {flags:#o}", USERFAULTFD, flags)
for device in ("/dev/userfaultfd", "/dev/fuse", "/dev/kvm", "/dev/vhost-net"):
    try:
        os.close(os.open(device, os.O_RDWR))
        gained(f"{device} opens")
    except OSError as error:
        tried(f"{device}: {error.strerror}")
