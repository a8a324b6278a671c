"""Nests directories deeper than any path can name, so that what walks or removes them runs out of path or stack."""
# walls: root
# observe: kept
# verdict: ok scratch_limit
# depth: yes
# within: 30
import os

for place in ("/outputs", "/tmp"):
    os.chdir(place)
    depth = 0
    try:
        for depth in range(1000):
            os.mkdir("d" * 100)
            os.chdir("d" * 100)
    except OSError as error:
        tried(f"{error.strerror} at {depth}")
    try:
        with open("bottom.txt", "w") as file:
            file.write("at the bottom")
        os.symlink(aim.file, "link")
    except OSError as error:
        tried(f"at the bottom: {error.strerror}")
    tried(f"{depth} directories below {place}")
