"""Stands still while the host looks which /proc it was given."""
# walls: proc
# observe: looked:proc
tried("stands still to be looked at")
hold()
