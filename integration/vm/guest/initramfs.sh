#!/bin/busybox sh
# Finds the disk, lays the binary and the checks on it, and hands over to its init.
b=/bin/busybox
$b mkdir -p /proc /dev /root
$b mount -t proc proc /proc
$b mount -t devtmpfs dev /dev
# Until this is read, what failed was the emulator.
$b echo "KERNEL IS UP" >/dev/console
for module in /modules/*; do $b insmod "$module"; done
while [ ! -b /dev/vda ]; do $b sleep 0.1; done
$b mount -t ext4 /dev/vda /root
$b mkdir -p /root/opt/codemode
$b cp -r /payload/. /root/opt/codemode
$b chmod -R a+rX /root/opt/codemode
$b cp /payload/codemode-check.service /root/etc/systemd/system/
init=$($b sed 's/.*codemode.init=\([^ ]*\).*/\1/' /proc/cmdline)
$b umount /proc
$b umount /dev
exec $b switch_root /root "$init"
