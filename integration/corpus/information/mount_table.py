"""Reads the mount table for names of the host: other file trees, other users' directories, the way to its disks."""
# walls: mount_namespace root
# observe: word unread
# depth: yes
import os
import sys

OURS = (
    "/proc", "/tmp", "/sandbox", "/outputs", "/workspace", "/dev", "/etc", "/usr", "/lib", "/bin", "/sbin", "/codemode",
)
program = os.path.dirname(os.path.realpath(sys.executable))
home = tuple(os.path.realpath(path) for path in (sys.base_prefix, sys.prefix, program))

for table in ("/proc/self/mountinfo", "/proc/1/mountinfo"):
    try:
        with open(table) as file:
            lines = file.read().splitlines()
    except OSError as error:
        tried(f"{table}: {error.strerror}")
        continue
    loot("\n".join(lines))
    for line in lines:
        point = line.split()[4]
        ours = point == "/" or point.startswith(home) or any(
            point == place or point.startswith(place + "/") for place in OURS
        ) or any(entry and entry.startswith(point) for entry in sys.path)
        if not ours:
            gained(f"{table} shows {point}")
    tried(f"{table}: {len(lines)} mounts")
