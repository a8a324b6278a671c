"""Switches the processor to 32-bit code by a far return, and calls the kernel from there in all three ways."""
# walls: seccomp
# observe: word
# needs: wall:pid_namespace
import ctypes
import mmap
import os

MAP_32BIT = 0x40
USER_CODE_32 = 0x23


def outcome(call):
    child = os.fork()
    if child == 0:
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_32BIT
        page = mmap.mmap(-1, 4096, flags, 7)
        entry = ctypes.addressof(ctypes.c_char.from_buffer(page))
        # push 0x23; push entry + 32; lretq
        far = bytes([0x6A, USER_CODE_32, 0x68]) + (entry + 32).to_bytes(4, "little") + b"\x48\xcb"
        # mov esp, entry + 2048; mov ebp, esp; xor ebx, ebx; mov eax, 20 (getpid); the call
        stack = b"\xbc" + (entry + 2048).to_bytes(4, "little") + b"\x89\xe5"
        page.write(far.ljust(32, b"\x90") + stack + b"\x31\xdb\xb8\x14\0\0\0" + call)
        ctypes.CFUNCTYPE(ctypes.c_long)(entry)()
        os._exit(0)
    return os.waitpid(child, 0)[1]


if os.uname().machine != "x86_64":
    raise SystemExit("this machine has no such switch that is known here")
# mov ebx, 77; mov eax, 1 (exit); int 0x80: a way to end with 77, if the first call came back.
leave = b"\xbb\x4d\0\0\0\xb8\1\0\0\0\xcd\x80"
for name, call in {"int 0x80": b"\xcd\x80", "syscall": b"\x0f\x05", "sysenter": b"\x0f\x34"}.items():
    status = outcome(call + leave)
    tried(f"{name}: {status:#x}")
    if not os.WIFSIGNALED(status):
        gained(f"{name} from 32-bit code came back: {status:#x}")
