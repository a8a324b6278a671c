"""Writes the maps of its user namespace, to be root inside or somebody else outside."""
# walls: user_namespace landlock
# observe: word
# depth: yes
import os

own, outside = os.getuid(), 0
for number in ("self", "1", str(os.getpid())):
    for name, text in (
        ("uid_map", f"0 {own} 1"), ("gid_map", f"0 {own} 1"), ("uid_map", "0 0 4294967295"), ("projid_map", "0 0 1"),
        ("setgroups", "allow"), ("setgroups", "deny"),
    ):
        path = f"/proc/{number}/{name}"
        try:
            descriptor = os.open(path, os.O_WRONLY)
            os.write(descriptor, text.encode())
            gained(f"{path} is now {text!r}")
        except OSError as error:
            tried(f"{path}: {error.strerror}")
for path in ("/usr/bin/newuidmap", "/usr/bin/newgidmap", "/etc/subuid"):
    if os.path.exists(path):
        gained(f"{path} is there")
tried(f"is {os.getresuid()}")
