"""Moves memory between nodes, of itself and of others, and sets policies for it."""
# walls: seccomp
# observe: word
# with: refused_calls

calls = {
    "mbind": (237, 235), "set_mempolicy": (238, 237), "get_mempolicy": (239, 236),
    "migrate_pages": (256, 238), "move_pages": (279, 239), "set_mempolicy_home_node": (450, 450),
}
for name, (number, other) in calls.items():
    for process in (0, 1):
        call(f"{name} of {process}", number if X86 else other, process, 0, 0, 0, 0, 0)
