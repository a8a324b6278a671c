"""Stands still while the host reads whether it may gain privileges by a program."""
# walls: no_new_privs
# observe: looked:no_new_privs
tried("stands still to be looked at")
hold()
