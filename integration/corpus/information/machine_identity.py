"""Collects what tells this machine from all others: identifiers of machine, boot and cards, serial numbers."""
# walls: root proc network_namespace
# observe: word
# depth: yes
import fcntl
import os
import socket
import struct

for path in (
    "/etc/machine-id", "/var/lib/dbus/machine-id", "/etc/hostid", "/proc/sys/kernel/random/boot_id",
    "/sys/class/dmi/id/product_uuid", "/sys/class/dmi/id/product_serial", "/proc/device-tree/serial-number",
    "/dev/disk/by-uuid", "/dev/disk/by-id", "/var/lib/cloud/data/instance-id", "/run/cloud-init/instance-data.json",
    "/etc/ssh/ssh_host_ed25519_key.pub", "/dev/cpu/0/cpuid", "/dev/cpu/0/msr",
):
    try:
        os.stat(path)
    except OSError as error:
        tried(f"{path}: {error.strerror}")
    else:
        gained(f"{path} is there")

SIOCGIFHWADDR = 0x8927
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
    for name in (b"eth0", b"ens3", b"ens5", b"enp0s3", b"wlan0", b"docker0"):
        try:
            answer = fcntl.ioctl(probe, SIOCGIFHWADDR, struct.pack("256s", name))
        except OSError as error:
            tried(f"address of {name.decode()}: {error.strerror}")
        else:
            gained(f"{name.decode()} has the address {answer[18:24].hex(':')}")
