"""Makes setuid copies of programs in scratch and looks whether they would count: mode, mount flags, start."""
# walls: root no_new_privs exec_gate
# observe: word
# depth: yes
import os
import shutil
import sys

for place in ("/tmp", "/sandbox", "/outputs", "/dev/shm"):
    path = f"{place}/program"
    shutil.copyfile(os.path.realpath(sys.executable), path)
    os.chmod(path, 0o6755)
    flags = os.statvfs(path).f_flag
    for name, flag in (("nosuid", os.ST_NOSUID), ("nodev", os.ST_NODEV), ("noexec", os.ST_NOEXEC)):
        if not flags & flag:
            gained(f"{place} is not {name}")
    child = os.fork()
    if child == 0:
        try:
            os.execve(path, [path, "-c", "import os; os._exit(88)"], {})
        finally:
            os._exit(77)
    code = os.WEXITSTATUS(os.waitpid(child, 0)[1])
    tried(f"{path}: mode {os.stat(path).st_mode:o}, flags {flags:x}, exit {code}")
    if code != 77:
        gained(f"{path} was started")
