"""Loads programs and tables into the kernel through bpf."""
# walls: seccomp
# observe: word
# with: refused_calls
import ctypes

BPF = 321 if X86 else 280
attributes = ctypes.create_string_buffer(128)
for number in range(0, 40):
    call(f"command {number}", BPF, number, attributes, 128)
# With a bad pointer the kernel that is asked says so.
call("a bad pointer", BPF, 0, 1, 72)
call("a bad size", BPF, 5, attributes, 1 << 20)
