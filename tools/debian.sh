#!/bin/sh
# Runs commands in a clone of HEAD on a bare Debian of another release: debian.sh RELEASE [COMMAND...]
#   tools/debian.sh trixie                                  all tests (tools/test.sh)
#   tools/debian.sh sid tools/quickstart.sh 'build/clgrad selftest' 'TESTS=train-golden tools/test.sh'
# Each command is a line for sh, run where the clone lies, the next one after it whether or not it
# passed; ends with `N passed, N failed`, and the seconds of each. What the commands need they install
# (tools/packages.sh). FOLDER: where the system is made, or lies already, and stays; default a temporary
# one. MIRROR: of Debian; default debootstrap's. Needs root and debootstrap; exit status 77 where no
# system can be made.
set -eu

impossible() {
    echo "debian.sh: $1" >&2
    exit 77
}

# A bare system of the release in the folder, unless there is one.
make_system() {
    [ ! -e "$folder/etc/debian_version" ] || return 0
    command -v debootstrap >/dev/null || impossible "debootstrap is not installed"
    start=$(date +%s)
    debootstrap --variant=minbase "$release" "$folder" ${MIRROR:+"$MIRROR"} >"$folder.log" 2>&1 || {
        tail -n 20 "$folder.log" >&2
        rm -f "$folder.log"
        impossible "debootstrap cannot make a system of $release"
    }
    rm -f "$folder.log"
    echo "== made a bare $release in $(($(date +%s) - start)) s"
}

prepare_system() {
    make_system
    cp -L /etc/resolv.conf "$folder/etc/resolv.conf"
    # A mirror may be that of a day.
    echo 'Acquire::Check-Valid-Until "false";' >"$folder/etc/apt/apt.conf.d/clgrad"
    mountpoint -q "$folder/proc" || mount -t proc proc "$folder/proc"
    mountpoint -q "$folder/sys" || mount -t sysfs sysfs "$folder/sys"
    mountpoint -q "$folder/dev" || mount --rbind /dev "$folder/dev"
    mount -t tmpfs tmpfs "$folder/dev/shm" # of the tests' own processes
}

# What lies in HEAD, as a clone has it.
copy_sources() {
    rm -rf "$folder/clgrad"
    mkdir -p "$folder/clgrad"
    git -c safe.directory="$root" -C "$root" archive HEAD | tar -x -C "$folder/clgrad"
}

run_there() {
    chroot "$folder" env -i HOME=/root PATH="$PATH" LANG=C.UTF-8 TERM=dumb \
        ${http_proxy:+http_proxy="$http_proxy"} sh -c "cd /clgrad && $1"
}

# In namespaces of their own, for mounts and processes: nothing is left of them, however this ends.
inside() {
    release=$1
    folder=$2
    shift 2
    trap 'exit 1' HUP INT TERM # process 1 of a namespace, which a signal without a trap leaves alone
    prepare_system
    copy_sources
    passed=0
    failed=0
    for command in "$@"; do
        start=$(date +%s)
        verdict=passed
        echo "== $command"
        run_there "$command" || verdict=FAILED
        [ $verdict = passed ] && passed=$((passed + 1)) || failed=$((failed + 1))
        echo "== $verdict in $(($(date +%s) - start)) s: $command"
    done
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}

main() {
    script=$(cd "$(dirname "$0")" && pwd)/debian.sh
    root=$(dirname "$(dirname "$script")")
    if [ "${1:-}" = --inside ]; then
        shift
        inside "$@"
        return
    fi
    [ $# -gt 0 ] || {
        echo "debian.sh: RELEASE is missing (trixie, sid, ...)" >&2
        exit 2
    }
    release=$1
    shift
    [ $# -gt 0 ] || set -- tools/test.sh
    [ "$(id -u)" -eq 0 ] || impossible "needs root, for chroot"
    unshare --mount true 2>/dev/null || impossible "this machine lets nobody mount"
    folder=${FOLDER:-}
    if [ -z "$folder" ]; then
        folder=$(mktemp -d "${TMPDIR:-/tmp}/clgrad-$release.XXXXXX")
        trap 'rm -rf --one-file-system "$folder" "$folder.log"' EXIT
        trap 'exit 1' HUP INT TERM
    fi
    unshare --mount --pid --fork --kill-child "$script" --inside "$release" "$folder" "$@"
}

main "$@"
exit # this file may be another one by now
