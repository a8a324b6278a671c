"""Has the dynamic loader, which may be executed, start a program that may not."""
# walls: exec_gate landlock
# observe: word
# depth: yes
import glob
import os
import shutil
import subprocess
import sys

shutil.copyfile(os.path.realpath(sys.executable), "/dev/shm/program")
loaders = glob.glob("/lib*/ld-*.so*") + glob.glob("/usr/lib*/**/ld-*.so*", recursive=True)
for loader in dict.fromkeys(loaders):
    for program in ("/dev/shm/program", sys.executable):
        try:
            done = subprocess.run([loader, program, "-c", "print('started')"], capture_output=True, timeout=10)
        except OSError as error:
            tried(f"{loader} {program}: {error.strerror}")
            continue
        tried(f"{loader} {program}: exit {done.returncode}")
        if done.returncode == 0:
            gained(f"{loader} started {program}")
tried(f"{len(loaders)} loaders")
