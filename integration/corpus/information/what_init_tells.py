"""Reads all that /proc shows of process 1, the only other process in sight."""
# walls: proc pid_namespace landlock
# observe: unread word
# depth: yes
import os

FOR_ITS_OWNER = ("environ", "auxv", "maps", "mem", "stack", "syscall", "personality", "io", "pagemap")

try:
    names = sorted(os.listdir("/proc/1"))
except OSError as error:
    names = []
    tried(f"/proc/1: {error.strerror}")
for name in names:
    path = f"/proc/1/{name}"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        tried(f"{path}: {error.strerror}")
        continue
    try:
        found = os.read(descriptor, 65536)
        loot(found)
        if name in FOR_ITS_OWNER and found:
            gained(f"{path} was read")
    except OSError as error:
        tried(f"{path}: {error.strerror}")
    finally:
        os.close(descriptor)
try:
    with open("/proc/1/cmdline", "rb") as file:
        words = file.read().split(b"\0")
    tried(f"init was called as {words}")
    if os.getpid() != 1 and any(word.startswith((b"--api", b"--key")) for word in words):
        gained("init's arguments hold a key")
except OSError as error:
    tried(f"/proc/1/cmdline: {error.strerror}")
