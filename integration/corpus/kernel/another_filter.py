"""Adds filters and listeners of its own, which could answer in the place of those that stand."""
# walls: seccomp
# observe: word
# with: refused_calls
import ctypes

SECCOMP, PRCTL = (317, 157) if X86 else (277, 167)
STRICT, FILTER, ACTIONS, SIZES = 0, 1, 2, 3
NEW_LISTENER, TSYNC, LOG = 8, 1, 2
# One instruction: allow.
instruction = (ctypes.c_uint8 * 8)(6, 0, 0, 0, 0, 0, 0xFF, 0x7F)
program = (ctypes.c_uint64 * 2)(1, ctypes.addressof(instruction))
for flags in (0, TSYNC, LOG, NEW_LISTENER, NEW_LISTENER | TSYNC | 16):
    call(f"filter, flags {flags}", SECCOMP, FILTER, flags, program)
call("a filter at a bad place", SECCOMP, FILTER, 0, 1)
call("actions", SECCOMP, ACTIONS, 0, (ctypes.c_uint32 * 1)(0x7FFF0000))
call("sizes", SECCOMP, SIZES, 0, (ctypes.c_uint16 * 3)())
call("filter by prctl", PRCTL, 22, 2, program, 0, 0)
call("a bad filter by prctl", PRCTL, 22, 2, 1, 0, 0)
# In strict mode nothing but reading, writing and leaving is left: only a mode that does not exist is asked for.
call("no such mode by prctl", PRCTL, 22, 77, 0, 0, 0)
