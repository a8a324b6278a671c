#!/usr/bin/env python3
"""Boots a Debian kernel with pure cgroup v2 in emulation and runs the checks of guest/ in it.

    ./build.sh && ./run.py plain   --binary ../../target/release/codemode
    ./build.sh && ./run.py systemd --binary ../../target/release/codemode

`plain` boots into guest/init.sh, `systemd` into systemd with a unit that runs the checks. Exits
with 0 only if the guest reports that every check passed.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
CACHE = HERE / "cache"
PASSED = "ALL CHECKS PASSED"


def pack(binary: pathlib.Path, archive: pathlib.Path) -> None:
    """An initramfs with busybox, the modules for the disk, the binary and the checks."""
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        tree = pathlib.Path(name) / "tree"
        shutil.copytree(CACHE / "initramfs", tree)
        shutil.copy(HERE / "guest" / "initramfs.sh", tree / "init")
        payload = tree / "payload"
        shutil.copytree(HERE / "guest", payload)
        shutil.copy(HERE.parent.parent / "docker" / "systemd" / "codemode.service", payload)
        shutil.copy(binary, payload / "codemode")
        subprocess.run(["strip", payload / "codemode"], check=True)
        listing = subprocess.run(["find", "."], cwd=tree, check=True, capture_output=True).stdout
        with archive.open("wb") as out:
            pack = ["cpio", "--quiet", "-o", "-H", "newc"]
            subprocess.run(pack, cwd=tree, input=listing, stdout=out, check=True)


def boot(mode: str, archive: pathlib.Path, only: str, patience: int) -> bool:
    init = "/opt/codemode/init.sh" if mode == "plain" else "/sbin/init"
    kernel = next((CACHE / "kernel" / "boot").glob("vmlinuz-*"))
    words = ["console=ttyS0", "quiet", "panic=-1", f"codemode.init={init}", "rootwait"]
    if only:
        words.append(f"codemode.only={only}")
    if mode == "systemd":
        words += ["systemd.unified_cgroup_hierarchy=1", "systemd.wants=codemode-check.service"]
        words += ["systemd.show_status=0", "systemd.mask=serial-getty@ttyS0.service"]
    command = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", "2G"]
    command += ["-smp", "2", "-nographic", "-no-reboot", "-snapshot", "-nic", "none"]
    command += ["-kernel", str(kernel), "-initrd", str(archive), "-append", " ".join(words)]
    command += ["-drive", f"file={CACHE / 'root.ext4'},format=raw,if=virtio"]
    passed = False
    machine = subprocess.Popen(
        ["timeout", str(patience), *command],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace",
    )
    for line in machine.stdout:
        line = line.rstrip()
        print(line, flush=True)
        passed |= line == PASSED
    machine.wait()
    return passed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mode", choices=["plain", "systemd"])
    parser.add_argument("--binary", type=pathlib.Path, required=True)
    parser.add_argument("--only", default="", help="run checks whose name contains this")
    parser.add_argument("--patience", type=int, default=900, help="seconds for all of it")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        archive = pathlib.Path(directory) / "initramfs.cpio"
        pack(args.binary, archive)
        return 0 if boot(args.mode, archive, args.only, args.patience) else 1


if __name__ == "__main__":
    sys.exit(main())
