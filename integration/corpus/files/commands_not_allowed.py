"""Starts commands beside the one that is allowed, by path, by name, by link and through the allowed one."""
# walls: root exec_gate landlock
# observe: word
# depth: yes
# run: --allow-command true
import os
import shutil
import subprocess

os.symlink(shutil.which("true") or "/bin/true", "/tmp/sh")
attempts = [[path] for path in (
    "/bin/sh", "/bin/bash", "/bin/ls", "/usr/bin/id", "/usr/bin/env", "/bin/busybox", "/usr/bin/perl", "/sbin/init",
    "/usr/bin/gdb", "/bin/mount", "/usr/bin/sudo", "/bin/su", "/usr/bin/nsenter", "/usr/bin/unshare",
    "/usr/bin/newuidmap",
)]
for words in attempts:
    try:
        done = subprocess.run(words, capture_output=True, timeout=10, stdin=subprocess.DEVNULL)
    except OSError as error:
        tried(f"{words}: {error.strerror}")
    else:
        gained(f"{words} was started: exit {done.returncode}")
for name in ("sh", "ls", "cat"):
    if shutil.which(name, path="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"):
        gained(f"{name} is there")
done = subprocess.run("echo started", shell=True, capture_output=True, timeout=10, executable="/tmp/sh")
tried(f"a shell that is a link to the command: exit {done.returncode}")
if done.stdout:
    gained(f"the link is a shell: {done.stdout!r}")
