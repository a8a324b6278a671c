"""Walks every directory from / and reads every small file that is not the interpreter's library."""
# walls: root mount_namespace landlock
# observe: unread word
# depth: yes
import os
import sys
import time

SKIPPED = {os.path.realpath(path) for path in (sys.base_prefix, "/usr", "/lib", "/lib64", "/proc", "/dev")}
FOREIGN = {"/home", "/var", "/run", "/boot", "/sys", "/srv", "/mnt", "/media", "/opt"}

read, begun = 0, time.monotonic()
for directory, names, files in os.walk("/"):
    if time.monotonic() - begun > 8:
        gained(f"a tree of such a size that 8 s don't suffice for it, {directory} in it")
        break
    if directory in FOREIGN and not any(path.startswith(directory) for path in [sys.base_prefix, *sys.path]):
        gained(f"{directory} is there")
    names[:] = [name for name in names if os.path.join(directory, name) not in SKIPPED]
    for name in files:
        path = os.path.join(directory, name)
        try:
            if os.path.isfile(path) and os.path.getsize(path) <= 16384:
                with open(path, "rb") as file:
                    loot(file.read())
                read += 1
        except OSError as error:
            tried(f"{path}: {error.strerror}")
tried(f"read {read} files")
