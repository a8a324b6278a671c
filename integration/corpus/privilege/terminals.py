"""Pushes characters into a terminal, takes one as its own, and opens all that would be one."""
# walls: session seccomp root
# observe: word
# depth: yes
import fcntl
import os
import termios

TIOCSTI, TIOCLINUX, TIOCCONS, TIOCSCTTY, TIOCNOTTY, TIOCSETD = 0x5412, 0x541C, 0x541D, 0x540E, 0x5422, 0x5423
REQUESTS = (TIOCSTI, TIOCLINUX, TIOCCONS, TIOCSCTTY, TIOCNOTTY, TIOCSETD, TIOCSTI | 1 << 31, termios.TCSETS)

held = [0, 1, 2, 3]
for path in ("/dev/tty", "/dev/tty0", "/dev/console", "/dev/ptmx", "/dev/pts/ptmx", "/dev/pts/0", "/dev/stdin"):
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        held.append(descriptor)
        if os.isatty(descriptor):
            gained(f"{path} is a terminal")
    except OSError as error:
        tried(f"{path}: {error.strerror}")
try:
    os.openpty()
    gained("a terminal of its own")
except OSError as error:
    tried(f"openpty: {error}")
for descriptor in held:
    if os.isatty(descriptor):
        gained(f"descriptor {descriptor} is a terminal: {os.ttyname(descriptor)}")
    for request in REQUESTS:
        for argument in (b"\n", b"\x02", 0):
            try:
                fcntl.ioctl(descriptor, request, argument)
                gained(f"request {request:x} of descriptor {descriptor}")
            except (OSError, OverflowError) as error:
                tried(f"request {request:x} of {descriptor}: {error}")
try:
    with open("/proc/self/stat") as stat:
        terminal = stat.read().rpartition(")")[2].split()[4]
    if terminal != "0":
        gained(f"a controlling terminal: {terminal}")
except OSError as error:
    tried(f"/proc/self/stat: {error.strerror}")
