"""Takes the handling of page faults over, to hold the kernel still in the middle of a copy."""
# walls: seccomp root
# observe: word
# with: refused_calls
import os

USERFAULTFD = 323 if X86 else 282
for flags in (0, 1, 0o2000000, 0o4001, -1):
    call(f"flags {flags:#o}", USERFAULTFD, flags)
for device in ("/dev/userfaultfd", "/dev/fuse", "/dev/kvm", "/dev/vhost-net"):
    try:
        os.close(os.open(device, os.O_RDWR))
        gained(f"{device} opens")
    except OSError as error:
        tried(f"{device}: {error.strerror}")
