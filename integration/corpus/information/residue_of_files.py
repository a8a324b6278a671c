"""Looks for what the run before left in scratch, in /outputs and in shared memory."""
# walls: root
# observe: word
# first: leaves_files
# depth: yes
import os

for place in ("/tmp", "/sandbox", "/outputs", "/dev/shm", "/workspace", "/run", "/var/tmp"):
    try:
        names = os.listdir(place)
    except OSError as error:
        tried(f"{place}: {error.strerror}")
        continue
    tried(f"{place}: {len(names)} names")
    for name in names:
        if name.startswith("left-"):
            gained(f"{place}/{name} is still there")
    if os.statvfs(place).f_files:
        status = os.statvfs(place)
        tried(f"{place}: {status.f_files - status.f_ffree} files in use")
