"""Asks for the name of the host in every way it is kept."""
# walls: uts_namespace root
# observe: word
import os
import platform
import socket

OURS = {"sandbox", "localhost", ""}
names = {
    "uname": os.uname().nodename,
    "gethostname": socket.gethostname(),
    "platform": platform.node(),
}
for path in ("/etc/hostname", "/proc/sys/kernel/hostname", "/proc/sys/kernel/domainname"):
    try:
        with open(path) as file:
            names[path] = file.read().strip()
    except OSError as error:
        tried(f"{path}: {error.strerror}")
try:
    with open("/etc/hosts") as file:
        names.update((f"/etc/hosts: {name}", name) for line in file for name in line.partition("#")[0].split()[1:])
except OSError as error:
    tried(f"/etc/hosts: {error.strerror}")

for way, name in names.items():
    loot(name)
    tried(f"{way}: {name}")
    if name not in OURS and not name.startswith(("localhost", "ip6-")) and name != "(none)":
        gained(f"{way} says {name!r}")
