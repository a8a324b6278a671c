"""Takes memory that is hidden from the kernel, has no file, or belongs to another process."""
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


calls = {
    "memfd_secret": (447, 447), "memfd_create": (319, 279), "process_madvise": (440, 440),
    "process_mrelease": (448, 448), "remap_file_pages": (216, 234), "mseal": (462, 462),
    "map_shadow_stack": (453, 453),
}
for name, (number, other) in calls.items():
    call(name, number if X86 else other, b"x" if name == "memfd_create" else 0, 0, 0, 0, 0)
