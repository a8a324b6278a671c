"""Asks for the machine's input and output ports and for segments of its own, which only x86 has."""
# walls: seccomp
# observe: word
# with: calls
import ctypes
import platform

IOPL, IOPERM, MODIFY_LDT, ARCH_PRCTL = 172, 173, 154, 158
READ, WRITE, CPUID_OFF = 0, 1, 0x1012

if platform.machine() == "x86_64":
    segment = (ctypes.c_uint32 * 4)(0, 0, 0, 0x28)
    for name, words in (
        ("iopl", (IOPL, 3)),
        ("ioperm", (IOPERM, 0x70, 2, 1)),
        ("modify_ldt, reading", (MODIFY_LDT, READ, ctypes.addressof(segment), 16)),
        ("modify_ldt, writing", (MODIFY_LDT, WRITE, ctypes.addressof(segment), 16)),
    ):
        error = call(*words)
        if error is None:
            gained(f"{name} went well")
        tried(f"{name}: {error}")
else:
    tried("this machine has neither ports nor segments")
