#!/usr/bin/env python3
"""Boots Debian kernels with pure cgroup v2 in emulation and runs the checks of guest/ in them.

    ./build.sh && ./run.py plain --binary ../../target/release/codemode
    ./run.py prove --kernel 6.12 --binary ../../target/release/codemode

`plain` and `bare` boot into guest/init.sh, `systemd` and `prove` into systemd. Exits with 0 only if every machine
reports that all its checks passed.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
CACHE = HERE / "cache"
UP = "KERNEL IS UP"
# Two emulated processors race now and then while a kernel patches its own code (a static key), and one meets the
# breakpoint that stands there meanwhile when it is gone: the kernel dies, of this, before it is up or later.
MISTRANSLATED = "Oops: int3: "
BOOTS = 3
PASSED = "ALL CHECKS PASSED"
# What the kernel's command line says of its init.
BY_HAND = ["codemode.init=/opt/codemode/init.sh"]
SYSTEMD = ["codemode.init=/sbin/init", "systemd.unified_cgroup_hierarchy=1", "systemd.wants=codemode-check.service",
           "systemd.show_status=0", "systemd.mask=serial-getty@ttyS0.service"]
# The modes, which are files of guest/.
MODES = {"plain": BY_HAND, "bare": [*BY_HAND, "lsm=lockdown,yama"], "systemd": SYSTEMD, "prove": SYSTEMD}


def pack(args: argparse.Namespace, archive: pathlib.Path, kernel: pathlib.Path) -> None:
    """An initramfs with busybox, the modules for the disk, the binary and the checks."""
    with tempfile.TemporaryDirectory() as name:
        tree = pathlib.Path(name)
        for directory in ("bin", "root"):
            (tree / directory).mkdir()
        shutil.copytree(kernel / "modules", tree / "modules")
        shutil.copy(shutil.which("busybox"), tree / "bin" / "busybox")
        shutil.copy(HERE / "guest" / "initramfs.sh", tree / "init")
        payload = tree / "payload"
        shutil.copytree(HERE / "guest", payload, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(HERE.parent.parent / "docker" / "systemd" / "codemode.service", payload)
        shutil.copy(args.binary, payload / "codemode")
        if args.corpus:
            shutil.copytree(args.corpus, payload / "corpus")
        subprocess.run(["strip", payload / "codemode"], check=True)
        listing = subprocess.run(["find", "."], cwd=tree, check=True, capture_output=True).stdout
        with archive.open("wb") as out:
            command = ["cpio", "--quiet", "-o", "-H", "newc"]
            subprocess.run(command, cwd=tree, input=listing, stdout=out, check=True)


def boot(
    mode: str, archive: pathlib.Path, kernel: pathlib.Path, args: argparse.Namespace
) -> tuple[bool, bool]:
    """Whether the kernel came up and the emulator kept to what a processor is, and whether all checks passed."""
    # On a busy host the emulated timer comes late, and the kernel would panic for want of one.
    words = ["console=ttyS0", "quiet", "panic=-1", "rootwait", "no_timer_check"]
    words += [f"codemode.mode={mode}", *MODES[mode]]
    if args.only:
        words.append(f"codemode.only={args.only}")
    if args.every > 1:
        words.append(f"codemode.every={args.every}")
    words += [f"codemode.patience={args.patience}", f"codemode.deadline={args.deadline}"]
    command = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", "2G"]
    command += ["-smp", "2", "-nographic", "-no-reboot", "-snapshot", "-nic", "none"]
    command += ["-kernel", str(kernel / "vmlinuz"), "-initrd", str(archive), "-append", " ".join(words)]
    command += ["-drive", f"file={CACHE / 'root.ext4'},format=raw,if=virtio"]
    up = passed = broke = False
    machine = subprocess.Popen(
        ["timeout", str(args.deadline), *command],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace",
    )
    for line in machine.stdout:
        line = line.rstrip()
        print(line, flush=True)
        up |= line.endswith(UP)
        passed |= line == PASSED
        broke |= MISTRANSLATED in line
    return up and not broke, machine.wait() == 0 and passed


def one(mode: str, name: str, args: argparse.Namespace) -> bool:
    kernel = CACHE / "kernels" / name
    if not (kernel / "vmlinuz").exists():
        sys.exit(f"run.py: no kernel {name}: ./build.sh {name}")
    begun = time.monotonic()
    print(f"==== {mode} on Linux {name}", flush=True)
    with tempfile.TemporaryDirectory() as directory:
        archive = pathlib.Path(directory) / "initramfs.cpio"
        pack(args, archive, kernel)
        for _ in range(BOOTS):
            sound, passed = boot(mode, archive, kernel, args)
            if sound:
                break
            print("==== no kernel came up in the emulator, or it broke: that was no check", flush=True)
    word = "passed" if passed else "FAILED"
    print(f"==== {mode} on Linux {name}: {word} in {time.monotonic() - begun:.0f} s", flush=True)
    return passed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mode", nargs="+", choices=MODES)
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    parser.add_argument("--kernel", action="append", help="of build.sh's (repeatable); all that are there")
    parser.add_argument("--only", default="", help="run checks whose name contains this")
    parser.add_argument("--corpus", type=pathlib.Path, help="for prove: attacks in place of the binary's own")
    parser.add_argument("--every", type=int, default=1, metavar="N",
                        help="for prove: every Nth attack, others on each kernel and in each check")
    parser.add_argument("--patience", type=float, default=5, metavar="FACTOR",
                        help="for prove: so many times as long may everything take, for emulation is slow")
    parser.add_argument("--deadline", type=int, default=900, metavar="SECONDS", help="for each machine")
    args = parser.parse_args()
    kernels = args.kernel or sorted(os.listdir(CACHE / "kernels"))
    results = [one(mode, kernel, args) for kernel in kernels for mode in args.mode]
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
