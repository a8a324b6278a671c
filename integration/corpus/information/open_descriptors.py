"""Tries every descriptor number for something that was left open, and looks through what it finds."""
# walls: descriptors
# observe: unread word
import os
import stat

expected = {0, 1, 2, 3}
for number in range(4096):
    try:
        status = os.fstat(number)
    except OSError:
        continue
    kind = stat.S_IFMT(status.st_mode)
    tried(f"descriptor {number} is open, kind {kind:o}")
    if number not in expected:
        gained(f"descriptor {number} is open")
    if kind == stat.S_IFDIR:
        gained(f"descriptor {number} is a directory: {os.listdir(number)[:8]}")
    if kind == stat.S_IFREG:
        loot(os.pread(number, 4096, 0))
for number in expected:
    try:
        # From a directory's descriptor the old root would be reached; no pipe or socket leads anywhere.
        descriptor = os.open("..", os.O_RDONLY, dir_fd=number)
        gained(f"descriptor {number} leads up to {os.listdir(descriptor)[:8]}")
    except OSError as error:
        tried(f"up from descriptor {number}: {error.strerror}")
