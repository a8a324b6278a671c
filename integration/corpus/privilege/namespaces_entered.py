"""Enters the namespaces of init, of the victim and of itself, by every descriptor that might stand for one."""
# walls: seccomp capabilities pid_namespace
# observe: word
# depth: yes
# with: calls
import ctypes
import os
import platform

SETNS, PIDFD_OPEN = 268 if platform.machine() == "aarch64" else 308, 434
ALL = 0x7E020000

held = list(range(4))
for number in ("self", 1, os.getppid(), aim.victim):
    for name in ("user", "mnt", "net", "pid", "ipc", "uts", "cgroup", "time"):
        try:
            held.append(os.open(f"/proc/{number}/ns/{name}", os.O_RDONLY))
        except OSError as error:
            tried(f"/proc/{number}/ns/{name}: {error.strerror}")
for number in (os.getpid(), 1, aim.victim):
    handle = libc.syscall(ctypes.c_long(PIDFD_OPEN), ctypes.c_long(number), ctypes.c_long(0))
    if handle >= 0:
        held.append(handle)
for descriptor in held:
    for kind in (0, 0x10000000, ALL):
        error = call(SETNS, descriptor, kind)
        if error is None:
            gained(f"entered by descriptor {descriptor} ({kind:x})")
        tried(f"descriptor {descriptor} ({kind:x}): {error}")
