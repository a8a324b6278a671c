"""Writes to the host's files and into its open directory by every path that it has heard of."""
# walls: root mount_namespace landlock
# observe: unwritten unread
# depth: yes
import os
import socket

directory = aim.directory
up = "/.." * 30
for base in ("", "/proc/1/root", "/proc/self/root", "/proc/self/cwd" + up, "/tmp" + up, "/proc/1/cwd" + up):
    name = f"{base}{directory}/written-by-a-run"
    for way, attempt in (
        ("appended", lambda: open(base + aim.file, "a").write("written")),
        ("truncated", lambda: os.truncate(base + aim.file, 0)),
        ("removed", lambda: os.unlink(base + aim.file)),
        ("opened", lambda: os.chmod(base + aim.private, 0o666)),
        ("timed", lambda: os.utime(base + aim.file, (0, 0))),
        ("made", lambda: open(name, "w").close()),
        ("made below", lambda: os.makedirs(name + "-directory/below")),
        ("linked", lambda: os.link(base + aim.file, name)),
        ("moved", lambda: os.rename("/tmp/own", name)),
        ("bound", lambda: socket.socket(socket.AF_UNIX).bind(name[-100:])),
        ("piped", lambda: os.mkfifo(name)),
    ):
        open("/tmp/own", "w").close()
        try:
            attempt()
            tried(f"{base}: {way}")
        except OSError as error:
            tried(f"{base}: {way}: {error.strerror}")
