"""Turns what a processor does for a thread: segments, shadow stacks, tags, and the faults of cpuid."""
# walls: seccomp
# observe: word
# with: refused_calls
import ctypes

ARCH_PRCTL = 158
codes = {
    "set gs": 0x1001, "get gs": 0x1004, "get cpuid": 0x1011, "set cpuid": 0x1012,
    "map vdso x32": 0x2001, "map vdso 32": 0x2002, "map vdso 64": 0x2003,
    "untag mask": 0x4001, "enable tagging": 0x4002, "shadow stack on": 0x5001,
    "shadow stack off": 0x5002, "shadow stack lock": 0x5003, "shadow stack unlock": 0x5004,
    "guest components": 0x1025, "guest permission": 0x1024, "nothing": 0,
}
if not X86:
    raise SystemExit("this machine has no such call")
where = ctypes.create_string_buffer(64)
for name, code in codes.items():
    call(name, ARCH_PRCTL, code, where)
