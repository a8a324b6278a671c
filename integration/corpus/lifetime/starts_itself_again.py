"""Starts itself anew in its own place, without end: as another program it would be known by nobody."""
# walls: exec_gate
# within: 10
import os, sys

for path in (sys.executable, "/proc/self/exe", "/proc/1/exe"):
    try:
        os.execv(path, [path, "-c", "import time; time.sleep(60)"])
    except OSError as error:
        tried("%s: %s" % (path, error.strerror))
