"""Watches the directories that it shares with the host and other runs, and sees which files they open."""
# walls: seccomp
# observe: word
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
IN_ACCESS, IN_OPEN = 0x1, 0x20

watcher = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
tried(f"a watcher: {watcher}, {os.strerror(ctypes.get_errno())}")
library = os.path.dirname(os.__file__)
for path in (library, f"{library}/__pycache__", "/usr/lib", "/etc/passwd", "/dev/null", "/"):
    if libc.inotify_add_watch(watcher, path.encode(), IN_ACCESS | IN_OPEN) >= 0:
        gained(f"{path} is watched")
    else:
        tried(f"watching {path}: {os.strerror(ctypes.get_errno())}")
