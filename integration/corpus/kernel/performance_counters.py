"""Opens performance counters of itself, of everybody and of the processor, which show other runs' work."""
# walls: seccomp
# observe: word
import ctypes
import errno
import os
import struct

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


OPEN = 298 if X86 else 241
HARDWARE, SOFTWARE, TRACEPOINT, RAW, BREAKPOINT = 0, 1, 2, 4, 5
for kind in (HARDWARE, SOFTWARE, TRACEPOINT, RAW, BREAKPOINT):
    event = ctypes.create_string_buffer(struct.pack("IIQ", kind, 128, 0), 128)
    for process, processor in ((0, -1), (-1, 0), (1, -1)):
        call(f"kind {kind} of {process} on {processor}", OPEN, event, process, processor, -1, 0)
call("a bad pointer", OPEN, 1, 0, -1, -1, 0)
