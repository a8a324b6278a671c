"""Reads two files of the host by their paths, through every root that a process shows, and through `..`."""
# walls: root mount_namespace landlock
# observe: unread
# depth: yes
roots = ["", "/proc/1/root", "/proc/self/root", "/proc/thread-self/root", "/proc/self/cwd", "../" * 40]
roots += [place + "/.." * 40 for place in ("/tmp", "/dev/shm", "/outputs", "/proc/self/fd", "/proc/1/cwd")]

for root in roots:
    for path in (aim.file, aim.private):
        try:
            with open(root + path, "rb") as file:
                loot(file.read(4096))
        except OSError as error:
            tried(f"{root}{path}: {error.strerror}")
        else:
            tried(f"{root}{path}: read")
