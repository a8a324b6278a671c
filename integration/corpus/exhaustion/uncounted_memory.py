"""Takes memory of the kinds that no address space holds: System V segments, sealed files, message queues."""
# walls: seccomp
# observe: bounded word
# run: --memory 64M --timeout 10
import ctypes
import errno
import os

libc = ctypes.CDLL(None, use_errno=True)
X86 = os.uname().machine == "x86_64"
kinds = {
    "System V segment": (29 if X86 else 194, 0, 8 << 20, 0o1600),
    "System V semaphores": (64 if X86 else 190, 0, 250, 0o1600),
    "System V queue": (68 if X86 else 186, 0, 0o1600, 0),
    "file in memory": (319 if X86 else 279, b"x", 0, 0),
    "secret memory": (447, 0, 0, 0),
    "message queue": (240 if X86 else 180, b"x", os.O_CREAT | os.O_RDWR, 0o600),
}
for name, (number, *arguments) in kinds.items():
    ctypes.set_errno(0)
    came = libc.syscall(ctypes.c_long(number), *arguments, None)
    tried(f"{name}: {os.strerror(ctypes.get_errno())}")
    if came != -1 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS):
        gained(f"{name}: {came}, {os.strerror(ctypes.get_errno())}")
