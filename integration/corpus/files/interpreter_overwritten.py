"""Opens the interpreter, its libraries and the loader for writing, by every name that leads to them."""
# walls: root landlock
# observe: word
# depth: yes
import os
import sys

paths = ["/proc/self/exe", "/proc/1/exe", sys.executable, os.path.realpath(sys.executable)]
try:
    with open("/proc/self/maps") as maps:
        paths += sorted({line.split(None, 5)[5].strip() for line in maps if line.count("/")})
except OSError as error:
    tried(f"/proc/self/maps: {error.strerror}")
try:
    paths += [f"/proc/self/map_files/{name}" for name in os.listdir("/proc/self/map_files")[:20]]
except OSError as error:
    tried(f"/proc/self/map_files: {error.strerror}")

for path in paths:
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_APPEND):
        try:
            os.close(os.open(path, flags))
            gained(f"{path} is open for writing")
        except OSError as error:
            tried(f"{path}: {error.strerror}")

# From a descriptor for reading to one for writing.
for path in paths[:4]:
    try:
        held = os.open(path, os.O_RDONLY)
        os.close(os.open(f"/proc/self/fd/{held}", os.O_RDWR))
        gained(f"{path} was opened again for writing")
    except OSError as error:
        tried(f"{path} again: {error.strerror}")
