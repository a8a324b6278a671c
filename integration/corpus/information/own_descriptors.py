"""Stands still while the host counts its open files."""
# walls: descriptors
# observe: looked:descriptors
tried("stands still to be looked at")
hold()
