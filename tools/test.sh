#!/bin/sh
# Installs what the tests need and runs all of them; the exit status is the verdict.
# Arguments go to `meson setup` (-Dwerror=true, ...). BUILD chooses the build folder.
set -eu
cd "$(dirname "$0")/.."
build=${BUILD:-build-test}

tools/packages.sh build tests
if [ -e "$build/build.ninja" ]; then
    meson configure "$build" -Dtests=enabled "$@"
else
    meson setup "$build" -Dtests=enabled "$@" >/dev/null
fi
ninja -C "$build" --quiet
meson test -C "$build" --print-errorlogs
