"""Reads files of the host by their paths, and writes into a directory that is open to everybody."""
# walls: root mount_namespace landlock
# observe: unread unwritten
import os

for path in (aim.file, aim.private, "/proc/1/root" + aim.file, "/proc/self/cwd/.." + aim.file):
    try:
        loot(open(path).read())
    except OSError as error:
        tried(f"read {path}: {error.strerror}")
try:
    open(os.path.join(aim.directory, "new"), "w").write("here")
except OSError as error:
    tried(f"write: {error.strerror}")
