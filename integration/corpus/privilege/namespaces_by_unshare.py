"""Leaves for new namespaces by unshare, one kind at a time: a user namespace would give every capability."""
# walls: seccomp
# observe: word
# with: calls
import platform

UNSHARE = 97 if platform.machine() == "aarch64" else 272
KINDS = {
    "user": 0x10000000, "mount": 0x20000, "process": 0x20000000, "network": 0x40000000, "ipc": 0x8000000,
    "name": 0x4000000, "control group": 0x2000000, "time": 0x80, "all": 0x7E020000, "files": 0x400,
    "hidden bits": 0x110000000,
}
for name, flags in KINDS.items():
    error = call(UNSHARE, flags)
    if error is None:
        gained(f"a {name} namespace")
    tried(f"{name}: {error}")
