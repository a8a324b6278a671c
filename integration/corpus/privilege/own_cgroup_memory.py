"""Stands still while the host reads the memory limit of its control group."""
# walls: cgroup_memory
# observe: looked:cgroup_memory
tried("stands still to be looked at")
hold()
