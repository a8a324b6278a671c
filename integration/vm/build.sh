#!/bin/sh
# Makes what the machine boots from, in cache/: Debian kernels with the modules for a disk, and a
# Debian root image with systemd. Needs root, debootstrap, busybox-static, kmod, xz-utils, e2fsprogs.
#
#     ./build.sh [KERNEL...]      6.1 and 6.12 unless told otherwise
set -eu
cd "$(dirname "$0")"
mkdir -p cache
cd cache

kernel() {
    # What a kernel is called in Debian 12: its own, and the later one that is kept beside it.
    case $1 in
    6.1) meta=linux-image-amd64 ;;
    *) meta=linux-image-$1-amd64 ;;
    esac
    package=$(apt-cache depends "$meta" | awk '/Depends: linux-image/ { print $2; exit }')
    [ -n "$package" ] || { echo "build.sh: no package $meta: apt-get update" >&2; exit 1; }
    version=${package#linux-image-}
    rm -rf kernel.new
    mkdir -p kernel.new/modules
    apt-get download "$package"
    # Unpacked, not installed: this host's /boot is none of our business.
    dpkg -x "$package"_*.deb kernel.new/all
    rm "$package"_*.deb
    mv "kernel.new/all/boot/vmlinuz-$version" kernel.new/vmlinuz
    depmod -b "$PWD/kernel.new/all" "$version"
    number=100
    for module in virtio_pci virtio_blk ext4 crc32c_generic; do
        modprobe -d "$PWD/kernel.new/all" -S "$version" --show-depends "$module"
    done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r path; do
        number=$((number + 1))
        file=kernel.new/modules/$number-$(basename "$path")
        cp "$path" "$file"
        case $file in *.xz) xz -d "$file" ;; esac
    done
    rm -r kernel.new/all
    mkdir -p kernels
    mv kernel.new "kernels/$1"
}

[ $# -gt 0 ] || set -- 6.1 6.12
for name; do
    [ -d "kernels/$name" ] || kernel "$name"
done

if [ ! -d root ]; then
    rm -rf root.new
    # Packages that Debian gives as essential, and no recommended ones: the image boots in seconds.
    debootstrap --variant=minbase \
        --include=systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,python3,procps \
        bookworm root.new
    mv root.new root
fi

if [ ! -f root.ext4 ]; then
    grep -q '^user:' root/etc/passwd || chroot root useradd --uid 1000 --create-home --shell /bin/bash user
    echo '127.0.0.1 localhost' > root/etc/hosts
    rm -rf root.ext4.new
    truncate -s 1G root.ext4.new
    mke2fs -q -t ext4 -d root root.ext4.new
    mv root.ext4.new root.ext4
fi
