"""Follows the links by which /proc shows other processes' roots, programs, namespaces and open files."""
# walls: pid_namespace proc landlock
# observe: unread word
# depth: yes
import os

for number in {1, aim.victim, os.getppid()} - {0}:
    for name in ("root", "cwd", "exe"):
        path = f"/proc/{number}/{name}"
        try:
            gained(f"{path} leads to {os.readlink(path)}")
        except OSError as error:
            tried(f"{path}: {error.strerror}")
    for directory in ("fd", "fdinfo", "ns", f"task/{number}/fd", "map_files"):
        path = f"/proc/{number}/{directory}"
        try:
            names = os.listdir(path)
        except OSError as error:
            tried(f"{path}: {error.strerror}")
            continue
        for name in names:
            try:
                with open(f"{path}/{name}", "rb", buffering=0) as file:
                    gained(f"{path}/{name} was opened")
                    loot(file.read(4096) or b"")
            except OSError as error:
                tried(f"{path}/{name}: {error.strerror}")
