"""Leaves files whose names break what lists, prints or copies them: line ends, escapes, dashes, no text."""
# walls: root
# observe: kept unwritten
# depth: yes
import os

names = [
    b"-rf", b"--help", b"a\nb", b"a\rb", b"\x1b[2J\x1b]0;title\x07", b"\xff\xfe\x80", b" ", b"...",
    b"..\\..\\up", b"%s%n",
    b"$(touch made-by-a-shell)", b"`id`", b"'; rm -rf .", b"*", b"~root", b"C:\\con", b"\xe2\x80\xaegnp.exe",
    b"x" * 255, b"\x01\x7f",
]
for name in names:
    try:
        descriptor = os.open(b"/outputs/" + name, os.O_CREAT | os.O_WRONLY)
        os.write(descriptor, b"own")
        os.close(descriptor)
        tried(f"a file named {name!r}")
    except OSError as error:
        tried(f"{name!r}: {error.strerror}")
try:
    open(b"/outputs/" + b"y" * 256, "w").close()
    tried("a name of 256 bytes")
except OSError as error:
    tried(f"a name of 256 bytes: {error.strerror}")
