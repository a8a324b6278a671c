"""Reads the kernel's log by system call and by its devices."""
# walls: seccomp root
# observe: word
# depth: yes
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
READ_ALL, SIZE_UNREAD, SIZE_BUFFER = 3, 9, 10

buffer = ctypes.create_string_buffer(65536)
for action in (READ_ALL, SIZE_UNREAD, SIZE_BUFFER):
    answer = libc.klogctl(action, buffer, len(buffer))
    if answer >= 0:
        loot(buffer.value)
        gained(f"syslog({action}) answered {answer}")
    else:
        tried(f"syslog({action}): {os.strerror(ctypes.get_errno())}")

for path in ("/dev/kmsg", "/proc/kmsg", "/var/log/kern.log", "/var/log/dmesg", "/var/log/syslog"):
    try:
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        tried(f"{path}: {error.strerror}")
    else:
        gained(f"{path} was opened")
        os.close(number)
