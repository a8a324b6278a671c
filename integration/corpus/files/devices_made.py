"""Makes nodes of the machine's disks and memory in every place that it may write to, and opens them."""
# walls: seccomp capabilities landlock root
# observe: word
# depth: yes
import os
import stat

devices = [
    ("memory", stat.S_IFCHR, 1, 1), ("kernel log", stat.S_IFCHR, 1, 11), ("first disk", stat.S_IFBLK, 8, 0),
    ("virtual disk", stat.S_IFBLK, 254, 0), ("fuse", stat.S_IFCHR, 10, 229), ("kvm", stat.S_IFCHR, 10, 232),
    ("tun", stat.S_IFCHR, 10, 200), ("loop", stat.S_IFBLK, 7, 0),
]
# The disk that the library lies on, whatever it is called here.
disk = os.stat(os.__file__).st_dev
devices.append(("library's disk", stat.S_IFBLK, os.major(disk), os.minor(disk)))

for place in ("/tmp", "/sandbox", "/outputs", "/dev/shm"):
    for index, (name, kind, major, minor) in enumerate(devices):
        path = f"{place}/node-{index}"
        try:
            os.mknod(path, kind | 0o666, os.makedev(major, minor))
            gained(f"{name} was made in {place}")
            os.close(os.open(path, os.O_RDONLY))
            gained(f"{name} was opened in {place}")
        except OSError as error:
            tried(f"{name} in {place}: {error.strerror}")
