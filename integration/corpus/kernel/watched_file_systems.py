"""Watches, holds up and administers whole file systems: fanotify, quotas, lookups by cookie, freezing."""
# walls: seccomp
# observe: word
# with: refused_calls
import errno
import fcntl
import os

calls = {
    "fanotify_init": (300, 262), "fanotify_mark": (301, 263), "quotactl": (179, 60),
    "quotactl_fd": (443, 443), "lookup_dcookie": (212, 18), "sync": (162, 81), "syncfs": (306, 267),
    "ustat": (136, -1), "sysfs": (139, -1), "swapon": (167, 224), "cachestat": (451, 451),
}
for name, (number, other) in calls.items():
    if X86 or other >= 0:
        call(name, number if X86 else other, 0, 0, 0, 0)
call("a watch of everything", 300 if X86 else 262, 0x0F, 0)
controls = {"freeze": 0xC0045877, "thaw": 0xC0045878, "trim": 0xC0185879, "uuid": 0x80111500}
descriptor = os.open("/", os.O_RDONLY)
for name, number in controls.items():
    try:
        fcntl.ioctl(descriptor, number, bytes(64))
        gained(f"{name}: done")
    except OSError as error:
        tried(f"{name}: {error}")
        if error.errno not in (errno.EPERM, errno.ENOSYS):
            gained(f"{name} reached the kernel: {error.strerror}")
