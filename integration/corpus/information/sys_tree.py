"""Looks for /sys and what it tells of devices, firmware, cards and control groups."""
# walls: root mount_namespace landlock
# observe: word
# depth: yes
import os

for path in (
    "/sys", "/sys/class/net", "/sys/class/dmi/id/product_uuid", "/sys/class/dmi/id/board_serial", "/sys/block",
    "/sys/fs/cgroup", "/sys/kernel/notes", "/sys/kernel/mm/ksm/run", "/sys/kernel/debug", "/sys/kernel/security",
    "/sys/kernel/tracing", "/sys/firmware/efi/efivars", "/sys/module", "/sys/devices/system/cpu/vulnerabilities",
    "/sys/bus/pci/devices", "/sys/power/state", "/sys/hypervisor/uuid",
):
    try:
        if os.path.isdir(path):
            names = os.listdir(path)
        else:
            with open(path, "rb") as file:
                names = [file.read(256)]
    except OSError as error:
        tried(f"{path}: {error.strerror}")
    else:
        gained(f"{path} shows {names[:8]}")
