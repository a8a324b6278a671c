"""Walks every directory from / and reads every small file that is not the interpreter's library."""
# walls: root mount_namespace landlock
# observe: unread word
# depth: yes
import os
import sys

SKIPPED = {os.path.realpath(path) for path in (sys.base_prefix, "/usr", "/lib", "/lib64", "/proc", "/dev")}
FOREIGN = {"/home", "/var", "/run", "/boot", "/sys", "/srv", "/mnt", "/media", "/opt"}

read = 0
for directory, names, files in os.walk("/"):
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
