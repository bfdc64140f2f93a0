#!/bin/sh
# Installs what the tests need and runs them; the exit status is the verdict, and what was skipped is
# named at the end. Arguments go to `meson setup` (-Dwerror=true, ...). BUILD chooses the build folder,
# TESTS what is run: names of tests, or suites (TESTS="--suite unit --suite house"; default: all).
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
status=0
# shellcheck disable=SC2086
meson test -C "$build" --print-errorlogs ${TESTS:-} || status=$?
# A test program passes with tests that skip themselves: Meson's summary does not know of them.
sed -n 's/^.*\[SKIP\] /Skipped: /p' "$build/meson-logs/testlog.txt"
exit $status
