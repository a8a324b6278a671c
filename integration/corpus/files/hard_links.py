"""Makes hard links to files that are not its own, by path, by descriptor and through /proc."""
# walls: root landlock
# observe: word kept unread
# depth: yes
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, AT_SYMLINK_FOLLOW, AT_EMPTY_PATH = -100, 0x400, 0x1000

for place in ("/outputs", "/tmp"):
    for target in (aim.file, aim.private, "/etc/passwd", "/proc/self/exe", "/proc/1/exe", os.__file__, "/dev/zero"):
        for flags in (0, AT_SYMLINK_FOLLOW):
            name = f"{place}/linked-{flags}-{os.path.basename(target)}"
            # A link to a link in /proc is a link of the link, which the kernel refuses too.
            if libc.linkat(AT_FDCWD, target.encode(), AT_FDCWD, name.encode(), flags) == 0:
                gained(f"{name} is {target}")
            else:
                tried(f"{target}: {os.strerror(ctypes.get_errno())}")
    descriptor = os.open(os.__file__, os.O_RDONLY)
    if libc.linkat(descriptor, b"", AT_FDCWD, f"{place}/by-descriptor".encode(), AT_EMPTY_PATH) == 0:
        gained(f"{place}/by-descriptor is {os.__file__}")
    else:
        tried(f"by descriptor: {os.strerror(ctypes.get_errno())}")
