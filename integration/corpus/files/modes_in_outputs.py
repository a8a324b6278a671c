"""Leaves files that would run as somebody else or that nobody could remove: setuid, sticky, no mode at all."""
# walls: root
# observe: kept
# depth: yes
import os

for mode in (0o4755, 0o6777, 0o2755, 0o1777, 0o7777, 0o000, 0o111):
    for kind in ("file", "directory"):
        path = f"/outputs/{kind}-{mode:o}"
        try:
            if kind == "file":
                with open(path, "w") as file:
                    file.write("#!/bin/sh\nid\n")
            else:
                os.mkdir(path)
                with open(f"{path}/below.txt", "w") as file:
                    file.write("below")
            os.chmod(path, mode)
            tried(f"{kind} of mode {os.stat(path).st_mode:o}")
        except OSError as error:
            tried(f"{kind} of mode {mode:o}: {error.strerror}")
for owner in (0, 65534, os.getuid() + 1):
    try:
        os.chown("/outputs/file-4755", owner, owner)
        tried(f"given to {owner}")
    except OSError as error:
        tried(f"given to {owner}: {error.strerror}")
