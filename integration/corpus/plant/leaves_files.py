"""Leaves files, links, directories and open descriptors in every place that it may write to."""
import os

kept = []
for place in ("/tmp", "/sandbox", "/outputs", "/dev/shm"):
    try:
        os.makedirs(f"{place}/left-directory/below", exist_ok=True)
        kept.append(open(f"{place}/left-file", "w"))
        kept[-1].write("left by the run before")
        os.symlink("/etc/passwd", f"{place}/left-link")
        os.mkfifo(f"{place}/left-pipe")
        # Gone by name, and still there while it is open.
        kept.append(open(f"{place}/left-unlinked", "w"))
        os.unlink(f"{place}/left-unlinked")
        tried(f"left files in {place}")
    except OSError as error:
        tried(f"{place}: {error.strerror}")
