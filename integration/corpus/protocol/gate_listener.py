"""Looks for the listener of the exec gate among its descriptors, to answer its own knocks."""
# walls: descriptors seccomp
# depth: yes
# observe: word
import ctypes, errno

libc = ctypes.CDLL(None, use_errno=True)
SECCOMP_IOCTL_NOTIF_SEND = ctypes.c_ulong(0xC0182101)
for descriptor in range(3, 256):
    answer = ctypes.create_string_buffer(24)
    done = libc.ioctl(descriptor, SECCOMP_IOCTL_NOTIF_SEND, answer)
    # ENOENT: a listener at which nobody waits under that number.
    if done == 0 or ctypes.get_errno() in (errno.ENOENT, errno.EINPROGRESS, errno.EINVAL):
        gained("descriptor %d is a listener: %s" % (descriptor, errno.errorcode[ctypes.get_errno()]))
tried("an answer to a knock on 253 descriptors")
