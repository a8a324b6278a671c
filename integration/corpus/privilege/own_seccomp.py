"""Stands still while the host reads whether its system calls are filtered."""
# walls: seccomp exec_gate
# depth: yes
# observe: looked:seccomp
tried("stands still to be looked at")
hold()
