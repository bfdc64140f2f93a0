#!/bin/sh
# From nothing to a trained network: installs what is missing, builds, lists the devices, trains the
# example on the best one. Run again it does only what is left to do.
# CLGRAD_DEVICE chooses another device than the best (see `build/clgrad devices`).
set -eu
cd "$(dirname "$0")/.."

recipe=examples/fashion-mnist/mlp.yaml
data=/usr/share/datasets/fashion-mnist
out=runs/quickstart

tools/packages.sh build
echo "Building in build/"
[ -e build/build.ninja ] || meson setup build --buildtype=release -Dtests=disabled >/dev/null
ninja -C build >build/ninja.log || {
    cat build/ninja.log
    exit 1
}

echo "Devices:"
build/clgrad devices
echo

if [ -s "$out/run.json" ]; then
    echo "Trained already (remove $out to train again):"
    build/clgrad eval "$out"
else
    rm -rf "$out" # of a run that was not finished
    echo "Training $recipe:"
    build/clgrad train "$recipe" --data "$data" --out "$out"
fi
