"""Takes more memory than there is in one piece, and a length that is no length."""
# walls: rlimits cgroup_memory
# observe: bounded
# verdict: memory_limit exception
# run: --memory 64M --timeout 10
# depth: yes
for size in (1 << 40, (1 << 63) - 1, 1 << 34):
    try:
        bytearray(size)
        tried(f"{size} bytes were had")
    except (MemoryError, OverflowError) as error:
        tried(f"{size}: {type(error).__name__}")
bytearray(b"x") * (1 << 31)
