"""Waits while it is looked at."""
# walls: capabilities
# observe: looked:user_namespace looked:pid_namespace looked:mount_namespace looked:network_namespace looked:ipc_namespace looked:uts_namespace looked:cgroup_namespace looked:distinct_uid looked:capabilities looked:no_new_privs looked:seccomp looked:session looked:descriptors looked:environment looked:rlimits looked:root looked:proc looked:cgroup_memory looked:cgroup_pids looked:cgroup_cpu kept bounded neighbour
hold()
open("/outputs/x", "w").write("x")
tried("waited")
