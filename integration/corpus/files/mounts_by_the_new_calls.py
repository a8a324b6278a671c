"""Mounts by the newer calls: opens a file system, clones a tree, moves a mount, takes read-only off."""
# walls: seccomp capabilities landlock
# observe: word
# depth: yes
# with: calls
import ctypes

AT_FDCWD, CLONE_TREE, AT_RECURSIVE = -100, 1, 0x8000
OPEN_TREE, MOVE_MOUNT, FSOPEN, FSCONFIG, FSMOUNT, FSPICK, MOUNT_SETATTR = 428, 429, 430, 431, 432, 433, 442

read_only = ctypes.create_string_buffer(32)
read_only[8] = 0x01  # attr_clr: MOUNT_ATTR_RDONLY
for name, words in (
    ("fsopen tmpfs", (FSOPEN, b"tmpfs", 0)),
    ("fsopen proc", (FSOPEN, b"proc", 0)),
    ("fsopen ramfs", (FSOPEN, b"ramfs", 0)),
    ("fspick /", (FSPICK, AT_FDCWD, b"/", 0)),
    ("fsconfig", (FSCONFIG, 3, 6, 0, 0, 0)),
    ("fsmount", (FSMOUNT, 3, 0, 0)),
    ("open_tree /", (OPEN_TREE, AT_FDCWD, b"/", CLONE_TREE | AT_RECURSIVE)),
    ("open_tree /tmp", (OPEN_TREE, AT_FDCWD, b"/tmp", CLONE_TREE)),
    ("move_mount", (MOVE_MOUNT, AT_FDCWD, b"/tmp", AT_FDCWD, b"/sandbox", 0)),
    ("mount_setattr /", (MOUNT_SETATTR, AT_FDCWD, b"/", AT_RECURSIVE, ctypes.addressof(read_only), 32)),
    ("mount_setattr /tmp", (MOUNT_SETATTR, AT_FDCWD, b"/tmp", 0, ctypes.addressof(read_only), 32)),
    ("statmount", (457, 0, 0, 0, 0)),
    ("open_tree_attr", (467, AT_FDCWD, b"/", CLONE_TREE, ctypes.addressof(read_only), 32)),
):
    error = call(*words)
    if error is None:
        gained(f"{name} went well")
    else:
        tried(f"{name}: {error}")
