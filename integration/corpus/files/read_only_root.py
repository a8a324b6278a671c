"""Writes, renames, removes and makes files all over the root, the library and the interpreter's directories."""
# walls: root landlock
# observe: word unwritten
# depth: yes
import os
import sys
import sysconfig

library = os.path.dirname(os.__file__)
places = ["/", "/etc", "/usr", "/usr/lib", "/dev", "/codemode", "/root"]
places += [library, sys.base_prefix, sysconfig.get_paths()["purelib"]]

for place in places:
    path = os.path.join(place, "written-by-a-run")
    for way, attempt in (
        ("a file", lambda: os.close(os.open(path, os.O_CREAT | os.O_WRONLY))),
        ("a directory", lambda: os.mkdir(path)),
        ("a link", lambda: os.symlink("/etc/passwd", path)),
        ("a nameless file", lambda: os.close(os.open(place, os.O_TMPFILE | os.O_RDWR))),
        ("a mode", lambda: os.chmod(place, 0o777)),
        ("a time", lambda: os.utime(place)),
        ("an owner", lambda: os.chown(place, os.getuid(), os.getgid())),
    ):
        try:
            attempt()
            gained(f"{way} in {place}")
        except OSError as error:
            tried(f"{way} in {place}: {error.strerror}")

for path in ("/etc/passwd", "/etc/ld.so.cache", "/etc/ld.so.preload", os.__file__, f"{library}/sitecustomize.py"):
    for way, attempt in (
        ("opened to append", lambda: os.close(os.open(path, os.O_WRONLY | os.O_APPEND))),
        ("truncated", lambda: os.truncate(path, os.path.getsize(path))),
        ("renamed", lambda: os.rename(path, path + ".old")),
        ("removed", lambda: os.unlink(path)),
        ("linked", lambda: os.link(path, "/tmp/linked")),
    ):
        try:
            attempt()
            gained(f"{path} was {way}")
        except OSError as error:
            tried(f"{path} {way}: {error.strerror}")
