"""Grows one file by writing, by truncating upwards and by reserving room."""
# walls: rlimits
# observe: bounded word
# verdict: file_size_limit
# run: --memory 256M --file-size 1M --timeout 10
import os
import signal

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
file = os.open("/tmp/file", os.O_CREAT | os.O_RDWR)
for name, grow in {
    "truncate": lambda: os.ftruncate(file, 1 << 40),
    "reserve": lambda: os.posix_fallocate(file, 0, 1 << 40),
    "far away": lambda: os.pwrite(file, b"x", 1 << 40),
}.items():
    try:
        grow()
        gained(f"{name}: done")
    except OSError as error:
        tried(f"{name}: {error}")
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
os.pwrite(file, b"x", 1 << 21)
