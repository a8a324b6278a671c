"""Puts fanotify marks, whole-file-system flushes, freezes and attributes on what it shares with the host."""
# walls: seccomp capabilities
# observe: word
# depth: yes
# with: calls
import ctypes
import os
import platform

ARM = platform.machine() == "aarch64"
FANOTIFY_INIT, FANOTIFY_MARK, SYNCFS, IOCTL = (262, 263, 267, 29) if ARM else (300, 301, 306, 16)
REQUESTS = {
    "freeze": 0xC0045877, "thaw": 0xC0045878, "trim": 0xC0185879, "flags": 0x40086602, "project": 0x401C5820,
    "read-only disk": 0x125D, "loop": 0x4C00, "clone": 0x40049409, "read flags": 0x80086601,
}

for flags in (0, 0x200, 0x4):
    error = call(FANOTIFY_INIT, flags, 0)
    if error is None:
        gained(f"fanotify_init({flags:x})")
    tried(f"fanotify_init({flags:x}): {error}")
held = os.open(os.__file__, os.O_RDONLY)
tried(f"fanotify_mark: {call(FANOTIFY_MARK, 3, 1, 0x20, -100, b'/')}")
if call(SYNCFS, held) is None:
    gained("the host's file system was flushed")
tried("syncfs")

word = ctypes.create_string_buffer(64)
for name, request in REQUESTS.items():
    for path in (os.__file__, "/", "/dev/null", "/tmp"):
        descriptor = os.open(path, os.O_RDONLY)
        error = call(IOCTL, descriptor, request, ctypes.addressof(word))
        os.close(descriptor)
        if error is None:
            gained(f"{name} of {path}")
        tried(f"{name} of {path}: {error}")
