"""Maps a file of its own with the right to execute it, loads it as a library, and changes the right afterwards."""
# walls: root
# observe: word
import ctypes
import glob
import mmap
import os
import shutil

library = glob.glob(f"{os.path.dirname(os.__file__)}/lib-dynload/*.so")[0]
libc = ctypes.CDLL(None, use_errno=True)
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]

for place in ("/tmp", "/sandbox", "/outputs", "/dev/shm"):
    path = f"{place}/library.so"
    shutil.copyfile(library, path)
    os.chmod(path, 0o755)
    with open(path, "r+b") as file:
        for kind in (mmap.MAP_PRIVATE, mmap.MAP_SHARED):
            try:
                mmap.mmap(file.fileno(), 4096, kind, mmap.PROT_READ | mmap.PROT_EXEC).close()
                gained(f"{path} was mapped to be executed")
            except OSError as error:
                tried(f"{path}: {error.strerror}")
        with mmap.mmap(file.fileno(), 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE) as mapped:
            cell = ctypes.c_char.from_buffer(mapped)
            if libc.mprotect(ctypes.addressof(cell), 4096, mmap.PROT_READ | mmap.PROT_EXEC) == 0:
                gained(f"{path} may be executed after all")
            else:
                tried(f"{path} afterwards: {os.strerror(ctypes.get_errno())}")
            del cell
    try:
        ctypes.CDLL(path)
        gained(f"{path} was loaded")
    except OSError as error:
        tried(f"{path} as a library: {error}")
