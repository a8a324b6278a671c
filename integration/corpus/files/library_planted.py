"""Plants modules, byte code and settings where the interpreter of the next run would pick them up."""
# walls: root landlock
# observe: word
# depth: yes
import os
import site
import sys
import sysconfig

NAMES = (
    "sitecustomize.py", "usercustomize.py", "planted.pth", "json.py", "pyvenv.cfg",
    f"__pycache__/os.{sys.implementation.cache_tag}.pyc",
)

places = [entry for entry in sys.path if entry] + [*sysconfig.get_paths().values(), sys.prefix, sys.exec_prefix]
places += [f"{os.path.dirname(os.__file__)}/__pycache__", os.path.expanduser("~"), site.getusersitepackages()]
for place in dict.fromkeys(places):
    for name in NAMES:
        path = os.path.join(place, name)
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, 0o644)
        except OSError as error:
            tried(f"{path}: {error.strerror}")
            continue
        os.close(descriptor)
        # Its own home is scratch, which ends with the run.
        if path.startswith(("/sandbox/", "/tmp/", "/outputs/", "/dev/shm/")):
            tried(f"{path} in scratch")
        else:
            gained(f"{path} was planted")
