"""Sends controls of terminals, files, seccomp listeners, namespaces and devices to every descriptor it has."""
# walls: seccomp
# observe: word
import ctypes
import errno
import fcntl
import os

controls = {
    "push input": 0x5412, "console": 0x541C, "steal terminal": 0x540E, "exclusive": 0x540C,
    "set attributes": 0x5402, "line discipline": 0x5423, "clone file": 0x40049409,
    "file flags": 0x40086602, "get flags": 0x80086601, "map of blocks": 0xC020660B,
    "freeze": 0xC0045877, "notification": 0xC0502100, "answer": 0xC0182101, "add descriptor": 0x40182103,
    "user namespace": 0xB701, "parent namespace": 0xB702, "asynchronous": 0x5452, "owner": 0x8901,
    "siocspgrp": 0x8902, "block size": 0x1268, "verity": 0x40806685, "encrypt": 0x800C6613,
    "random entropy": 0x40045201, "kvm": 0xAE01, "loop": 0x4C82, "pidfd info": 0xC048FF0B,
    # The kernel looks at 32 bits: what stands above must not hide a control.
    "push input, with high bits": 0x1_0000_5412,
}
libc = ctypes.CDLL(None, use_errno=True)
page = ctypes.create_string_buffer(4096)
places = [0, 1, 2, os.open("/dev/null", os.O_RDWR), os.open("/tmp", os.O_RDONLY), os.open("/", os.O_RDONLY)]
for name, number in controls.items():
    for descriptor in places:
        ctypes.set_errno(0)
        came = libc.ioctl(descriptor, ctypes.c_ulong(number), page)
        if came != -1 or ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS):
            gained(f"{name} on {descriptor}: {came}, {os.strerror(ctypes.get_errno())}")
    tried(name)
# The control: how much can be read, which is asked all the time.
read, write = os.pipe()
os.write(write, b"four")
assert fcntl.ioctl(read, 0x541B, bytes(4))[0] == 4
