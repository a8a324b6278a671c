"""Stands still while the host looks through its mounts for one that may be written, and that is not scratch."""
# walls: root
# observe: looked:root
tried("stands still to be looked at")
hold()
