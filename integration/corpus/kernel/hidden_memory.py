"""Takes memory that is hidden from the kernel, has no file, or belongs to another process."""
# walls: seccomp
# observe: word
# with: refused_calls

calls = {
    "memfd_secret": (447, 447), "memfd_create": (319, 279), "process_madvise": (440, 440),
    "process_mrelease": (448, 448), "remap_file_pages": (216, 234), "mseal": (462, 462),
    "map_shadow_stack": (453, 453),
}
for name, (number, other) in calls.items():
    call(name, number if X86 else other, b"x" if name == "memfd_create" else 0, 0, 0, 0, 0)
