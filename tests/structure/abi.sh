#!/bin/sh
# The ABI is that of the committed baseline, tests/abi/baseline.abi, except for what tests/abi/suppressions names.
#   abi.sh SOURCE_ROOT LIBRARY            compare; any difference fails
#   abi.sh SOURCE_ROOT LIBRARY --write    write the baseline anew: at a release, never to make a test pass
set -u
root=$1 library=$2
baseline=$root/tests/abi/baseline.abi
for tool in abidw abidiff; do
    if ! command -v $tool >/dev/null; then
        echo "SKIP: $tool is missing: apt-get install abigail-tools"
        exit 77
    fi
done
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
describe() { # describe FILE: the ABI as text, without paths of this machine, which differ on every other
    abidw --headers-dir "$root/include" --drop-private-types --exported-interfaces-only \
        --no-elf-needed --no-corpus-path \
        --no-comp-dir-path --no-show-locs --out-file "$1" "$library"
}

if [ "${3:-}" = --write ]; then
    describe "$baseline" || exit 1
    echo "wrote $baseline"
    exit 0
fi
if [ ! -f "$baseline" ]; then
    echo "FAILED: there is no baseline. Write and commit it:"
    echo "    sh tests/structure/abi.sh . build/lib/libpretrain.so --write"
    exit 1
fi
if [ "$(uname -m)" != x86_64 ]; then
    echo "SKIP: the baseline is x86_64's; no package helps"
    exit 77
fi
describe "$work/now.abi" || exit 1
abidiff --no-show-locs --suppressions "$root/tests/abi/suppressions" "$baseline" "$work/now.abi" >"$work/report" 2>&1
result=$?
cat "$work/report"
if [ $result -ne 0 ]; then # every bit of abidiff's status is a difference; inserted and added fields look alike there
    echo "FAILED: the ABI differs from tests/abi/baseline.abi (abidiff gave $result)."
    echo "While the version is 0.x an intended change is recorded by:"
    echo "    sh tests/structure/abi.sh . build/lib/libpretrain.so --write"
    exit 1
fi
echo "the ABI is the baseline's"
