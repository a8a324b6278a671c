"""Stands still in its namespace of queues and segments while the host compares it with its own."""
# walls: ipc_namespace
# observe: looked:ipc_namespace
tried("stands still to be looked at")
hold()
