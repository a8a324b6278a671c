"""Calls by the numbers of the x32 table, whose high bit a filter of plain numbers would miss."""
# walls: seccomp
# observe: word
# depth: yes
# with: refused_calls

X32 = 0x40000000
names = {"getpid": 39, "open": 2, "ptrace": 521, "mount": 165, "io_uring_setup": 425, "execve": 520}
for name, number in names.items():
    call(name, X32 | number, 0, 0, 0, 0)
# A number is 32 bits wide to the kernel: what stands above them must not hide a call.
call("ptrace, with high bits", (1 << 32) | (101 if X86 else 117), 0, 0, 0, 0)
call("a negative number", -1, 0, 0, 0)
call("a number with the sign bit", -(1 << 31), 0, 0, 0)
