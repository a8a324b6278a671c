"""Stands still in its mount namespace while the host compares it with its own."""
# walls: mount_namespace
# observe: looked:mount_namespace
tried("stands still to be looked at")
hold()
