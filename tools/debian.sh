#!/bin/sh
# Runs commands in a clone of HEAD on a bare Debian of another release: debian.sh RELEASE [COMMAND...]
#   tools/debian.sh trixie                                  all tests (tools/test.sh)
#   tools/debian.sh sid tools/quickstart.sh 'build/clgrad selftest' 'TESTS=train-golden tools/test.sh'
# Each command is a line for sh, run where the clone lies, the next one after it whether or not it
# passed; ends with `N passed, N failed`, and the seconds of each. What the commands need they install
# (tools/packages.sh). FOLDER: where the system is made, or lies already, and stays; default a temporary
# one. MIRROR: of Debian. Needs root and debootstrap; exit status 77 where no system can be made.
set -eu

impossible() {
    echo "debian.sh: $1" >&2
    exit 77
}

# In a mount namespace of its own: what is mounted goes with it, however this ends.
inside() {
    folder=$1
    shift
    mountpoint -q "$folder/proc" || mount -t proc proc "$folder/proc"
    mountpoint -q "$folder/sys" || mount -t sysfs sysfs "$folder/sys"
    mountpoint -q "$folder/dev" || mount --rbind /dev "$folder/dev"
    mount -t tmpfs tmpfs "$folder/dev/shm" # of the tests' own processes
    passed=0
    failed=0
    for command in "$@"; do
        start=$(date +%s)
        echo "== $command"
        if chroot "$folder" env -i HOME=/root PATH="$PATH" LANG=C.UTF-8 TERM=dumb \
            ${http_proxy:+http_proxy="$http_proxy"} sh -c "cd /root/clgrad && $command"; then
            passed=$((passed + 1)) verdict=passed
        else
            failed=$((failed + 1)) verdict=FAILED
        fi
        echo "== $verdict in $(($(date +%s) - start)) s: $command"
    done
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}

if [ "${1:-}" = --inside ]; then
    shift
    inside "$@"
    exit
fi

[ $# -gt 0 ] || {
    echo "debian.sh: RELEASE is missing (trixie, sid, ...)" >&2
    exit 2
}
release=$1
shift
[ $# -gt 0 ] || set -- tools/test.sh
script=$(cd "$(dirname "$0")" && pwd)/debian.sh
root=$(dirname "$(dirname "$script")")

[ "$(id -u)" -eq 0 ] || impossible "needs root, for chroot"
unshare --mount true 2>/dev/null || impossible "this machine lets nobody mount"

folder=${FOLDER:-}
if [ -z "$folder" ]; then
    folder=$(mktemp -d "${TMPDIR:-/tmp}/clgrad-$release.XXXXXX")
    trap 'rm -rf --one-file-system "$folder"' EXIT
    trap 'exit 1' HUP INT TERM
fi
if [ ! -e "$folder/etc/debian_version" ]; then
    command -v debootstrap >/dev/null || impossible "debootstrap is not installed"
    start=$(date +%s)
    debootstrap --variant=minbase "$release" "$folder" \
        "${MIRROR:-http://deb.debian.org/debian}" >"$folder.log" 2>&1 || {
        tail -n 20 "$folder.log" >&2
        rm -f "$folder.log"
        impossible "debootstrap cannot make a system of $release"
    }
    rm -f "$folder.log"
    echo "== made a bare $release in $(($(date +%s) - start)) s"
fi
cp -L /etc/resolv.conf "$folder/etc/resolv.conf"
# A mirror may be that of a day (snapshot.debian.org).
echo 'Acquire::Check-Valid-Until "false";' >"$folder/etc/apt/apt.conf.d/clgrad"
rm -rf "$folder/root/clgrad"
mkdir -p "$folder/root/clgrad"
git -c safe.directory="$root" -C "$root" archive HEAD | tar -x -C "$folder/root/clgrad"

unshare --mount --pid --fork --kill-child "$script" --inside "$folder" "$@"
