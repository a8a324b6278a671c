"""Calls the kernel by its 32-bit entry, int 0x80, where the same numbers mean other calls."""
# walls: seccomp
# observe: word
# needs: wall:pid_namespace
import ctypes
import mmap
import os
import signal


def run(code):
    page = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, 7)
    page.write(code)
    entry = ctypes.addressof(ctypes.c_char.from_buffer(page))
    return ctypes.CFUNCTYPE(ctypes.c_long)(entry)()


def outcome(code):
    child = os.fork()
    if child == 0:
        os._exit(run(code) & 0xFF)
    return os.waitpid(child, 0)[1]


if os.uname().machine != "x86_64":
    raise SystemExit("this machine has no such entry that is known here")
# The control: getpid by the entry of this machine, mov eax, 39; syscall; ret.
control = outcome(bytes.fromhex("b8270000000f05c3"))
assert os.WIFEXITED(control), control
calls = {"getpid": 20, "open": 5, "mount": 21, "ptrace": 26, "vm86": 166, "clone": 120}
for name, number in calls.items():
    # xor ebx, ebx; xor ecx, ecx; xor edx, edx; mov eax, number; int 0x80; ret
    code = bytes.fromhex("31db31c931d2b8") + number.to_bytes(4, "little") + bytes.fromhex("cd80c3")
    status = outcome(code)
    tried(f"{name}: {status:#x}")
    # A kernel that was built without this entry ends the caller with SIGSEGV.
    if not os.WIFSIGNALED(status) or os.WTERMSIG(status) not in (signal.SIGSYS, signal.SIGSEGV):
        gained(f"{name} by int 0x80 came back: {status:#x}")
