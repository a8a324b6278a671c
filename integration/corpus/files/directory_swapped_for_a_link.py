"""Leaves links in the place of directories in /outputs, so that names below them would lead to the host."""
# walls: root
# observe: kept unread unwritten
# depth: yes
import os

os.makedirs("/outputs/a/b/c")
with open("/outputs/a/b/c/honest.txt", "w") as file:
    file.write("kept")
links = {"host": aim.directory, "root": "/", "up": "../..", "loop": ".", "proc": "/proc/self"}
for name, target in links.items():
    os.symlink(target, f"/outputs/a/{name}")
    tried(f"a directory that leads to {target}")

os.makedirs("/outputs/was-real/below")
with open("/outputs/was-real/below/secret", "w") as file:
    file.write("own")
os.rename("/outputs/was-real", "/outputs/moved")
os.symlink(os.path.dirname(aim.file), "/outputs/was-real")
tried("a directory is a link now, under the same name")
