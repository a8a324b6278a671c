"""Loads another kernel or a module into this one, or stops the machine."""
# walls: seccomp capabilities
# observe: word
# depth: yes
# with: refused_calls
import ctypes

empty = ctypes.create_string_buffer(64)
calls = {
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "create_module": (174, -1),
    "query_module": (178, -1), "get_kernel_syms": (177, -1), "nfsservctl": (180, 42),
}
for name, (number, other) in calls.items():
    if X86 or other >= 0:
        call(name, number if X86 else other, empty, 64, b"", 0)
