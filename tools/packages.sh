#!/bin/sh
# Installs what is missing of the Debian packages that clgrad needs: packages.sh build|tests...
# As root, or with sudo. Does nothing where all are there.
set -eu

build="gcc libc6-dev pkgconf python3 meson ninja-build
       ocl-icd-libopencl1 ocl-icd-opencl-dev opencl-c-headers pocl-opencl-icd libclblast-dev
       libjansson-dev libyaml-dev zlib1g-dev dataset-fashion-mnist"
# clang checks the kernels while building, Mesa brings a second OpenCL device (rusticl on llvmpipe).
tests="g++ clang libcriterion-dev oclgrind mesa-opencl-icd binutils"

wanted=""
for set in "$@"; do
    case $set in
    build) wanted="$wanted $build" ;;
    tests) wanted="$wanted $tests" ;;
    *) echo "packages.sh: no set of packages '$set' (build, tests)" >&2; exit 2 ;;
    esac
done

missing=""
for package in $wanted; do
    case $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true) in
    "install ok installed") ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "This system has no apt-get. Install what these Debian packages hold:$missing" >&2
    exit 1
fi
as_root=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "Run this as root, or install sudo. Missing packages:$missing" >&2
        exit 1
    fi
    as_root="sudo"
fi
echo "Installing:$missing"
# shellcheck disable=SC2086
{
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
} >"${TMPDIR:-/tmp}/clgrad-apt.$$" 2>&1 || {
    cat "${TMPDIR:-/tmp}/clgrad-apt.$$" >&2
    rm -f "${TMPDIR:-/tmp}/clgrad-apt.$$"
    exit 1
}
rm -f "${TMPDIR:-/tmp}/clgrad-apt.$$"
