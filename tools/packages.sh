#!/bin/sh
# Installs what is missing of the Debian packages that clgrad needs: packages.sh build|tests|interpreter...
# As root, or with sudo. Does nothing where all are there.
set -eu

build="gcc libc6-dev pkgconf python3 meson ninja-build
       ocl-icd-libopencl1 ocl-icd-opencl-dev opencl-c-headers pocl-opencl-icd libclblast-dev
       libjansson-dev libyaml-dev zlib1g-dev libcsv-dev libzip-dev
       dataset-fashion-mnist"
# clang checks the kernels while building, Mesa brings a second OpenCL device (rusticl on llvmpipe).
tests="g++ clang libcriterion-dev mesa-opencl-icd binutils gnuplot-nox"
# Not in every release: what this one does not have is named, and left out.
interpreter="oclgrind"

wanted=""
optional=""
for set in "$@"; do
    case $set in
    build) wanted="$wanted $build" ;;
    tests) wanted="$wanted $tests" ;;
    interpreter) optional="$optional $interpreter" ;;
    *) echo "packages.sh: no set of packages '$set' (build, tests, interpreter)" >&2; exit 2 ;;
    esac
done

# Those of the packages that are not installed.
missing_of() {
    for package in "$@"; do
        case $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true) in
        "install ok installed") ;;
        *) printf ' %s' "$package" ;;
        esac
    done
}

# shellcheck disable=SC2086
{
    missing=$(missing_of $wanted)
    absent=$(missing_of $optional)
}
[ -n "$missing$absent" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "This system has no apt-get. Install what these Debian packages hold:$missing$absent" >&2
    exit 1
fi
as_root=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "Run this as root, or install sudo. Missing packages:$missing$absent" >&2
        exit 1
    fi
    as_root="sudo"
fi

log=$(mktemp "${TMPDIR:-/tmp}/clgrad-apt.XXXXXX")
trap 'rm -f "$log"' EXIT
apt() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get "$@" >"$log" 2>&1 || {
        cat "$log" >&2
        exit 1
    }
}
apt update -q
for package in $absent; do
    if apt-cache show "$package" >/dev/null 2>&1; then
        missing="$missing $package"
    else
        echo "Left out: this release of Debian has no package $package"
    fi
done
[ -n "$missing" ] || exit 0
echo "Installing:$missing"
# shellcheck disable=SC2086
apt install -q -y --no-install-recommends $missing
