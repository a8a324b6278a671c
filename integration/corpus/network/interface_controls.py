"""Reads and changes network interfaces by ioctl: flags, addresses, bridges, tunnels."""
# walls: seccomp
# observe: word
import errno
import fcntl
import socket
import struct

controls = {
    "flags": 0x8913, "set flags": 0x8914, "set address": 0x8916, "hardware address": 0x8927,
    "queue length": 0x8942, "new bridge": 0x89A0, "new route": 0x890B, "ethtool": 0x8946,
    "name": 0x8923, "statistics": 0x89F0,
}
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
    for name, number in controls.items():
        try:
            answer = fcntl.ioctl(control, number, struct.pack("16sH22x", b"lo", 1))
            gained(f"{name}: {answer[16:24]}")
        except OSError as error:
            tried(f"{name}: {error}")
            if error.errno not in (errno.EPERM, errno.ENOSYS):
                gained(f"{name} reached the kernel: {error.strerror}")
