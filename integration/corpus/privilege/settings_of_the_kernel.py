"""Opens the settings by which the kernel starts programs as root or stops: dump handler, module loader."""
# walls: proc root landlock
# observe: word
# depth: yes
import os

for path, text in (
    ("/proc/sys/kernel/core_pattern", "|/tmp/handler"), ("/proc/sys/kernel/modprobe", "/tmp/handler"),
    ("/proc/sys/kernel/hotplug", "/tmp/handler"), ("/sys/kernel/uevent_helper", "/tmp/handler"),
    ("/proc/sys/fs/binfmt_misc/register", ":own:M::own::/tmp/handler:"),
    ("/proc/sys/kernel/poweroff_cmd", "/tmp/handler"),
    ("/proc/sysrq-trigger", "h"), ("/proc/sys/kernel/panic", "0"), ("/proc/sys/vm/overcommit_memory", "0"),
    ("/proc/sys/kernel/yama/ptrace_scope", "0"), ("/proc/sys/user/max_user_namespaces", "1000"),
    ("/proc/sys/kernel/ns_last_pid", "1"), ("/sys/fs/cgroup/release_agent", "/tmp/handler"),
    ("/sys/fs/cgroup/memory/release_agent", "/tmp/handler"), ("/proc/irq/default_smp_affinity", "1"),
):
    # Opened only: what is written there would be the host's.
    for flags in (os.O_WRONLY, os.O_RDWR):
        try:
            os.close(os.open(path, flags))
            gained(f"{path} is open for {text!r}")
        except OSError as error:
            tried(f"{path}: {error.strerror}")
