#!/bin/sh
# Create a root directory with private changes. It exists until this process ends.
# Usage: unshare --mount --pid --fork --kill-child fresh_root.sh FOLDER STAND_INS
# The new root is FOLDER/root: this machine's files, with all changes in memory.
set -eu

folder=$1
stand_ins=$2
mount -t tmpfs -o mode=755 tmpfs "$folder"
mkdir "$folder/upper" "$folder/work" "$folder/root"
mount -t overlay overlay \
    -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
cd "$folder/root"
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs run
mkdir -p run/lock run/stand-ins opt/stand-ins var/log/stand-ins
mount --bind "$stand_ins" opt/stand-ins
echo ready
exec sleep infinity
