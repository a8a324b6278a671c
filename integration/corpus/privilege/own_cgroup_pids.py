"""Stands still while the host reads the process limit of its control group."""
# walls: cgroup_pids
# observe: looked:cgroup_pids
tried("stands still to be looked at")
hold()
