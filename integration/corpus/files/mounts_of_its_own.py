"""Mounts what no limit counts or what shows the host: ramfs, proc, sysfs, control groups, devices, binds."""
# walls: seccomp capabilities landlock
# observe: word
# depth: yes
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
BIND, MOVE, PRIVATE = 4096, 8192, 1 << 18

os.makedirs("/tmp/point", exist_ok=True)
for kind in ("tmpfs", "ramfs", "proc", "sysfs", "cgroup", "cgroup2", "devpts", "devtmpfs", "mqueue", "debugfs",
             "tracefs", "securityfs", "bpf", "fuse", "overlay", "ext4", "binfmt_misc", "nfs", "9p"):
    options = b"lowerdir=/,upperdir=/tmp,workdir=/sandbox" if kind == "overlay" else b""
    if libc.mount(b"/dev/vda", b"/tmp/point", kind.encode(), ctypes.c_ulong(0), options) == 0:
        gained(f"{kind} is mounted: {os.listdir('/tmp/point')[:8]}")
        libc.umount2(b"/tmp/point", 2)
    else:
        tried(f"{kind}: {os.strerror(ctypes.get_errno())}")

for name, source, flags in (
    ("bind of /", b"/", BIND), ("move of /proc", b"/proc", MOVE), ("private /", b"none", PRIVATE),
):
    target = b"/" if flags == PRIVATE else b"/tmp/point"
    if libc.mount(source, target, None, ctypes.c_ulong(flags), None) == 0:
        gained(f"{name} went well")
    else:
        tried(f"{name}: {os.strerror(ctypes.get_errno())}")
