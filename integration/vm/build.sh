#!/bin/sh
# Makes what the machine boots from, in cache/: a Debian kernel, a Debian root image with systemd,
# and the initramfs's modules. Needs root, qemu-system-x86, debootstrap, busybox-static, cpio, kmod.
set -eu
cd "$(dirname "$0")"
mkdir -p cache
cd cache

if [ ! -d kernel ]; then
    package=$(apt-cache depends linux-image-amd64 | awk '/Depends: linux-image/ { print $2; exit }')
    apt-get download "$package"
    # Unpacked, not installed: this host's /boot is none of our business.
    dpkg -x "$package"_*.deb kernel.new
    depmod -b "$PWD/kernel.new" "${package#linux-image-}"
    mv kernel.new kernel
fi

if [ ! -d root ]; then
    debootstrap --variant=minbase \
        --include=systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,python3,procps \
        bookworm root.new
    mv root.new root
fi

if [ ! -f root.ext4 ]; then
    grep -q '^user:' root/etc/passwd || chroot root useradd --uid 1000 --create-home --shell /bin/bash user
    truncate -s 1G root.ext4.new
    mke2fs -q -t ext4 -d root root.ext4.new
    mv root.ext4.new root.ext4
fi

if [ ! -d initramfs ]; then
    mkdir -p initramfs.new/bin initramfs.new/modules initramfs.new/root
    cp "$(command -v busybox)" initramfs.new/bin/busybox
    version=$(ls kernel/lib/modules)
    for module in virtio_pci virtio_blk ext4 crc32c_generic; do
        modprobe -d "$PWD/kernel" -S "$version" --show-depends "$module"
    done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | {
        number=100
        while read -r path; do
            number=$((number + 1))
            cp "$path" "initramfs.new/modules/$number-$(basename "$path")"
        done
    }
    mv initramfs.new initramfs
fi
