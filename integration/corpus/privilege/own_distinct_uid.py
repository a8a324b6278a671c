"""Stands still while the host looks which user it is outside."""
# walls: distinct_uid
# observe: looked:distinct_uid
tried("stands still to be looked at")
hold()
