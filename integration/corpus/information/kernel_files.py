"""Opens what the kernel publishes of the machine below /proc: symbols, memory, log, modules, settings."""
# walls: proc landlock
# observe: word unread
# depth: yes
import os

NAMES = (
    "kallsyms", "kcore", "kmsg", "kpagecount", "kpageflags", "config.gz", "version", "cmdline", "cpuinfo",
    "meminfo", "modules", "timer_list", "sched_debug", "keys", "key-users", "iomem", "ioports", "interrupts",
    "slabinfo", "vmallocinfo", "vmstat", "zoneinfo", "buddyinfo", "pagetypeinfo", "loadavg", "uptime", "stat",
    "locks", "mounts", "partitions", "diskstats", "swaps", "filesystems", "devices", "crypto", "softirqs",
    "sysrq-trigger", "acpi", "scsi", "bus", "irq", "fs", "driver", "tty", "net", "sys/kernel/random/boot_id",
    "sys/kernel/hostname", "sys/kernel/core_pattern", "sys/fs/file-nr", "sys/kernel/ns_last_pid", "pressure/cpu",
)

for name in NAMES:
    path = f"/proc/{name}"
    try:
        if os.path.isdir(path):
            gained(f"{path} lists {os.listdir(path)[:8]}")
            continue
        with open(path, "rb") as file:
            found = file.read(4096)
        loot(found)
        gained(f"{path} was read")
    except OSError as error:
        tried(f"{path}: {error.strerror}")
