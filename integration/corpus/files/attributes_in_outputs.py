"""Gives its files capabilities, access lists, labels and other attributes that would hold on the host."""
# walls: root user_namespace
# observe: word kept
# depth: yes
import os
import struct

path = "/outputs/attributes"
with open(path, "w") as file:
    file.write("own")
everything = struct.pack("<IIIII", 0x02000001, 0xFFFFFFFF, 0, 0xFFFFFFFF, 0)
for name, value in (
    ("security.capability", everything),
    ("security.selinux", b"system_u:object_r:bin_t:s0\0"),
    ("security.ima", b"\x01"),
    ("trusted.overlay.opaque", b"y"),
    ("trusted.overlay.redirect", aim.directory.encode()),
    ("system.posix_acl_access", struct.pack("<IHHI", 2, 1, 7, 0xFFFFFFFF)),
    ("user.own", b"x" * 1024),
):
    for target in (path, "/etc/passwd", os.__file__):
        try:
            os.setxattr(target, name, value)
        except OSError as error:
            tried(f"{name} of {target}: {error.strerror}")
            continue
        tried(f"{name} of {target} is set")
        # A label of its own scratch file is its owner's affair, where no policy is loaded.
        if target != path or name == "security.capability" or name.startswith("trusted."):
            gained(f"{name} of {target} is set")
