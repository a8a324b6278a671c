"""Copies the interpreter to every place that it may write to, makes it executable and starts it there."""
# walls: exec_gate root landlock
# observe: word
# depth: yes
import os
import shutil
import sys

for place in ("/tmp", "/sandbox", "/outputs", "/dev/shm"):
    path = f"{place}/program"
    shutil.copyfile(os.path.realpath(sys.executable), path)
    os.chmod(path, 0o755)
    script = f"{place}/script"
    with open(script, "w") as file:
        file.write(f"#!{sys.executable}\nprint('started')\n")
    os.chmod(script, 0o755)
    for name in (path, script):
        if os.access(name, os.X_OK):
            gained(f"{name} may be executed")
        try:
            child = os.posix_spawn(name, [name, "-c", "pass"], {})
        except OSError as error:
            tried(f"{name}: {error.strerror}")
            continue
        status = os.waitpid(child, 0)[1]
        # Of some libraries the child tells of its failure by this code alone.
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 127:
            tried(f"{name}: not started")
        else:
            gained(f"{name} was started")
