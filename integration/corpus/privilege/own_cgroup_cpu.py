"""Stands still while the host reads which control group counts its time."""
# walls: cgroup_cpu
# observe: looked:cgroup_cpu
tried("stands still to be looked at")
hold()
