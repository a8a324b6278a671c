"""Reads from its control groups' paths what the service, the run and its neighbours are called."""
# walls: cgroup_namespace
# observe: word
for path in ("/proc/self/cgroup", "/proc/1/cgroup", "/proc/self/cpuset", "/proc/self/mountinfo"):
    try:
        with open(path) as file:
            lines = file.read().splitlines()
    except OSError as error:
        tried(f"{path}: {error.strerror}")
        continue
    tried(f"{path}: {len(lines)} lines")
    for line in lines:
        if path.endswith("mountinfo"):
            if " - cgroup" in line:
                gained(f"a control group file system is mounted: {line}")
        elif path.endswith("cpuset"):
            # Without a group for processors of its own it is in that of a group above, of which it may know
            # how far above it is, but no name.
            if set(line.split("/")) - {"", ".."}:
                gained(f"{path} says {line}")
        elif line.rpartition(":")[2] != "/":
            gained(f"{path} says {line}")
