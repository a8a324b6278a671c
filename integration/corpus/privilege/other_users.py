"""Becomes another user or group by every call that changes one, and looks who it is afterwards."""
# walls: seccomp user_namespace capabilities
# observe: word
# depth: yes
import ctypes
import os
import platform

libc = ctypes.CDLL(None, use_errno=True)
SETFSUID, SETFSGID = (151, 152) if platform.machine() == "aarch64" else (122, 123)


def who():
    # Called with no id, setfsuid tells the one that counts for files.
    return (*os.getresuid(), *os.getresgid(), sorted(os.getgroups()))


before = who()
for number in (0, 1, 33, 65534, 1000, 1001, os.getuid() + 1, 1879048193, 4294967294):
    for name, attempt in (
        ("setuid", lambda: os.setuid(number)),
        ("setgid", lambda: os.setgid(number)),
        ("setreuid", lambda: os.setreuid(number, number)),
        ("setregid", lambda: os.setregid(number, number)),
        ("setresuid", lambda: os.setresuid(number, number, number)),
        ("setresgid", lambda: os.setresgid(number, number, number)),
        ("seteuid", lambda: os.seteuid(number)),
        ("setgroups", lambda: os.setgroups([number])),
        ("no groups", lambda: os.setgroups([])),
        ("initgroups", lambda: os.initgroups("root", 0)),
    ):
        try:
            attempt()
            tried(f"{name} {number}: went well")
        except OSError as error:
            tried(f"{name} {number}: {error.strerror}")
    for call in (SETFSUID, SETFSGID):
        libc.syscall(ctypes.c_long(call), ctypes.c_long(number))
    if who() != before:
        gained(f"was {before}, is {who()}")
try:
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(("Uid:", "Gid:")) and len(set(line.split()[1:])) != 1:
                gained(line.strip())
except OSError as error:
    tried(f"/proc/self/status: {error.strerror}")
