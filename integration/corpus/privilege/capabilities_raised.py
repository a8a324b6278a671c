"""Raises capabilities in every set: by capset, as ambient ones, by what a change of user would keep."""
# walls: capabilities seccomp
# observe: word
# depth: yes
import ctypes
import os
import platform

libc = ctypes.CDLL(None, use_errno=True)
CAPSET = 91 if platform.machine() == "aarch64" else 126
SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
KEEPCAPS, BOUNDING_DROP, SECUREBITS, AMBIENT, AMBIENT_RAISE = 8, 24, 28, 47, 2


def held():
    try:
        with open("/proc/self/status") as status:
            return {line.split(":")[0]: int(line.split()[1], 16) for line in status if line.startswith(SETS)}
    except OSError as error:
        tried(f"/proc/self/status: {error.strerror}")
        return {}


everything = 0xFFFFFFFF
for version in (0x19980330, 0x20071026, 0x20080522):
    header = (ctypes.c_uint32 * 2)(version, 0)
    for sets in ((everything,) * 6, (0, everything, 0, 0, everything, 0), (0, 0, everything, 0, 0, everything)):
        data = (ctypes.c_uint32 * 6)(*sets)
        done = libc.syscall(ctypes.c_long(CAPSET), header, data)
        tried(f"capset: {done}, {os.strerror(ctypes.get_errno())}")
for capability in range(41):
    libc.prctl(AMBIENT, AMBIENT_RAISE, ctypes.c_ulong(capability), ctypes.c_ulong(0), ctypes.c_ulong(0))
tried(f"ambient: {os.strerror(ctypes.get_errno())}")
for option, value in ((KEEPCAPS, 1), (SECUREBITS, 0), (SECUREBITS, 0x3F), (BOUNDING_DROP, 0)):
    done = libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))
    tried(f"prctl({option}, {value}): {done}, {os.strerror(ctypes.get_errno())}")
    if done == 0:
        gained(f"prctl({option}, {value}) went well")
for name, value in held().items():
    if value:
        gained(f"{name} is {value:x}")
