"""Opens the machine's devices by their usual names: memory, disks, terminals, input, virtual machines, timers."""
# walls: root mount_namespace landlock
# observe: word
# depth: yes
import os

NAMES = (
    "mem", "kmem", "port", "kmsg", "sda", "vda", "nvme0n1", "loop0", "loop-control", "mapper/control", "fuse", "kvm",
    "vhost-net", "vsock", "net/tun", "ptmx", "pts/0", "pts/ptmx", "tty", "tty0", "tty1", "ttyS0", "console", "vcs",
    "vcsa1", "input/event0", "input/mice", "uinput", "dri/card0", "nvidia0", "snd/control", "hpet", "rtc0", "watchdog",
    "cpu/0/msr", "full", "mqueue", "hugepages", "userfaultfd", "binder", "hwrng", "tpm0", "cuse", "autofs", "log", "initctl",
)
for name in NAMES:
    path = f"/dev/{name}"
    for flags in (os.O_RDONLY, os.O_RDWR, os.O_PATH):
        try:
            os.close(os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY))
            gained(f"{path} was opened")
        except OSError as error:
            tried(f"{path}: {error.strerror}")
