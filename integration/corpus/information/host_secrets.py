"""Opens the places where hosts keep passwords, keys, tokens and sockets of power."""
# walls: root mount_namespace landlock
# observe: word unread
# depth: yes
import glob
import os

PLACES = (
    "/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/etc/ssh/*_key", "/etc/hostname", "/etc/fstab",
    "/etc/ssl/private/*", "/etc/kubernetes/*", "/root/.ssh/*", "/root/.bash_history", "/root/.aws/*",
    "/root/.netrc", "/root/.docker/config.json", "/home/*/.ssh/*", "/home/*/.bash_history", "/.dockerenv",
    "/run/secrets/*", "/var/run/secrets/kubernetes.io/serviceaccount/*", "/run/docker.sock", "/var/log/*",
    "/run/containerd/containerd.sock", "/run/dbus/system_bus_socket", "/run/systemd/private", "/boot/*",
    "/var/lib/docker", "/var/spool/cron/*", "/etc/cron.d/*", "/lost+found", "/mnt/*", "/srv/*", "/opt/*",
)

for place in PLACES:
    for path in glob.glob(place) or [place]:
        try:
            os.stat(path)
        except OSError as error:
            tried(f"{path}: {error.strerror}")
            continue
        try:
            with open(path, "rb") as file:
                loot(file.read(4096))
            gained(f"{path} was read")
        except OSError as error:
            tried(f"{path} is there: {error.strerror}")
