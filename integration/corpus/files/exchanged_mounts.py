"""Renames over mount points: exchanges scratch for links, moves it away, leaves whiteouts and replaces /proc."""
# walls: root landlock
# observe: word
# depth: yes
# with: calls
import os
import platform

RENAMEAT2 = 276 if platform.machine() == "aarch64" else 316
AT_FDCWD, EXCHANGE, WHITEOUT, NOREPLACE = -100, 2, 4, 1

os.mkdir("/tmp/own")
os.symlink(aim.directory, "/tmp/link")
for source in ("/tmp/own", "/tmp/link", "/sandbox", "/dev/shm"):
    for target in ("/outputs", "/proc", "/sandbox", "/tmp", "/usr", "/dev/null", "/etc/passwd"):
        for flags in (0, EXCHANGE, NOREPLACE):
            error = call(RENAMEAT2, AT_FDCWD, source.encode(), AT_FDCWD, target.encode(), flags)
            if error is None:
                gained(f"{source} took the place of {target} ({flags})")
            tried(f"{source} for {target} ({flags}): {error}")

with open("/tmp/covered", "w") as file:
    file.write("own")
error = call(RENAMEAT2, AT_FDCWD, b"/tmp/covered", AT_FDCWD, b"/tmp/moved", WHITEOUT)
tried(f"a whiteout: {error}")
if error is None and not os.path.exists("/tmp/moved"):
    gained("a whiteout without a file")
