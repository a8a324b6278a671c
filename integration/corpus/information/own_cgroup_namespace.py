"""Stands still in its namespace of control groups while the host compares it with its own."""
# walls: cgroup_namespace
# observe: looked:cgroup_namespace
tried("stands still to be looked at")
hold()
