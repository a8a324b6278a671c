"""Stops the machine or replaces its kernel: reboot, kexec, swap, accounting, quotas, hanging up terminals."""
# walls: seccomp capabilities
# observe: word
# depth: yes
# with: calls
import os
import platform

ARM = platform.machine() == "aarch64"
REBOOT, KEXEC, KEXEC_FILE, SWAPON, SWAPOFF, ACCT, QUOTACTL, VHANGUP = (
    (142, 104, 294, 224, 225, 89, 60, 58) if ARM else (169, 246, 320, 167, 168, 163, 179, 153)
)
MAGIC, MAGIC2, CAD_OFF = 0xFEE1DEAD, 672274793, 0

for name, words in (
    # The mildest request: what the three-finger salute does.
    ("reboot", (REBOOT, MAGIC, MAGIC2, CAD_OFF, 0)),
    ("kexec_load", (KEXEC, 0, 0, 0, 0)),
    ("kexec_file_load", (KEXEC_FILE, -1, -1, 0, 0, 0)),
    ("swapon", (SWAPON, b"/tmp/no-such-file", 0)),
    ("swapoff", (SWAPOFF, b"/tmp/no-such-file")),
    ("acct", (ACCT, b"/tmp/no-such-file")),
    ("quotactl", (QUOTACTL, 0x80000700, b"/dev/vda", 0, 0)),
    ("vhangup", (VHANGUP,)),
):
    error = call(*words)
    # Any other answer means that the call was carried out as far as it could be.
    if error not in (os.strerror(1), os.strerror(38)):
        gained(f"{name} was heard: {error}")
    tried(f"{name}: {error}")
