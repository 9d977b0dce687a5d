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
headers=$root/include

if [ "${3:-}" = --write ]; then
    # no paths of this machine: they would differ on every other
    abidw --headers-dir "$headers" --no-corpus-path --no-comp-dir-path --no-show-locs --out-file "$baseline" "$library" || exit 1
    echo "wrote $baseline"
    exit 0
fi
if [ ! -f "$baseline" ]; then
    echo "FAILED: there is no baseline. Write and commit it: sh tests/structure/abi.sh . build/lib/libpretrain.so --write"
    exit 1
fi
abidiff --headers-dir2 "$headers" --no-show-locs --suppressions "$root/tests/abi/suppressions" "$baseline" "$library" >"$work/report" 2>&1
result=$?
cat "$work/report"
if [ $result -ne 0 ]; then # every bit of abidiff's status is a difference; an inserted field and an added one look alike there
    echo "FAILED: the ABI differs from tests/abi/baseline.abi (abidiff gave $result)."
    echo "While the version is 0.x an intended change is recorded by: sh tests/structure/abi.sh . build/lib/libpretrain.so --write"
    exit 1
fi
echo "the ABI is the baseline's"
