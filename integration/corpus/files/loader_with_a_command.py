"""Has an allowed command's loader and its preloading variable bring in code from scratch."""
# walls: root landlock
# observe: word
# run: --allow-command true
import glob
import os
import shutil
import subprocess
import sys

TRUE = shutil.which("true")
for place in ("/tmp", "/dev/shm", "/outputs"):
    shutil.copyfile(os.path.realpath(TRUE or sys.executable), f"{place}/program")
    os.chmod(f"{place}/program", 0o755)
if TRUE:
    done = subprocess.run([TRUE], capture_output=True, timeout=10)
    tried(f"the command itself: exit {done.returncode}")

attempts = [[f"{place}/program"] for place in ("/tmp", "/dev/shm", "/outputs")]
for loader in dict.fromkeys(glob.glob("/lib*/ld-*.so*") + glob.glob("/usr/lib*/**/ld-*.so*", recursive=True)):
    attempts += [[loader, f"{place}/program"] for place in ("/tmp", "/dev/shm", "/outputs")]
for words in attempts:
    try:
        done = subprocess.run(words, capture_output=True, timeout=10)
    except OSError as error:
        tried(f"{words}: {error.strerror}")
        continue
    tried(f"{words}: exit {done.returncode}, {done.stderr[-100:]!r}")
    if done.returncode == 0:
        gained(f"{words} ran")

library = next(iter(glob.glob(f"{os.path.dirname(os.__file__)}/lib-dynload/_struct*.so")), None)
if TRUE and library:
    shutil.copyfile(library, "/tmp/preloaded.so")
    done = subprocess.run([TRUE], env={"LD_PRELOAD": "/tmp/preloaded.so"}, capture_output=True, timeout=10)
    tried(f"preloading: {done.stderr[-100:]!r}")
    # The loader complains of what it can't map; if it is content, the file was mapped to be executed.
    if b"cannot be preloaded" not in done.stderr and b"undefined symbol" in done.stderr:
        gained("a library from scratch was preloaded")
