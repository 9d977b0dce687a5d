#!/bin/sh
# Builds with GCC, warnings as errors, and runs every test. On Debian, as root, it installs what is missing; otherwise
# it says what to install. Its last line is "N passed, N failed, N skipped"; its status is 0 where nothing failed.
#   sh tests/run.sh [BUILD_FOLDER]                                                  default: build/tests
set -u
cd "$(dirname "$0")/.." || exit 1
build=${1:-build/tests}

# package:the file or command that shows it is there
needed="gcc:gcc libc6-dev:/usr/include/stdio.h meson:meson ninja-build:ninja pkg-config:pkg-config python3:python3
    binutils:readelf
    libopenblas-dev:openblas.pc libutf8proc-dev:libutf8proc.pc libpcre2-dev:libpcre2-8.pc check:check.pc"
wanted="g++:g++ abigail-tools:abidiff libjpeg-dev:libjpeg.pc libpng-dev:libpng.pc libwebp-dev:libwebp.pc
    zlib1g-dev:zlib.pc libsndfile1-dev:sndfile.pc libmpg123-dev:libmpg123.pc
    libsoxr-dev:soxr.pc libkissfft-dev:kissfft-float.pc"

has() { # has THING: a command, a file, or a pkg-config module
    case $1 in
    /*) [ -e "$1" ] ;;
    *.pc) command -v pkg-config >/dev/null && pkg-config --exists "${1%.pc}" ;;
    *) command -v "$1" >/dev/null ;;
    esac
}
missing() { # missing PACKAGE:THING... -> the packages that are not there
    for entry in "$@"; do
        has "${entry#*:}" || printf ' %s' "${entry%%:*}"
    done
}
give_up() {
    echo "$*"
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
}

# shellcheck disable=SC2086
absent=$(missing $needed $wanted)
if [ -n "$absent" ] && command -v apt-get >/dev/null; then
    command="apt-get install --yes --no-install-recommends$absent"
    if [ "$(id -u)" -eq 0 ]; then
        echo "installing:$absent"
        export DEBIAN_FRONTEND=noninteractive
        $command >/dev/null 2>&1 || { apt-get update >/dev/null && $command >/dev/null; } || echo "failed: $command"
    else
        echo "missing; install them with: sudo $command"
    fi
fi
# shellcheck disable=SC2086
absent=$(missing $needed)
[ -z "$absent" ] || give_up "cannot build without:$absent"

if [ -d "$build/meson-private" ]; then
    CC=gcc meson setup --reconfigure "$build" -Dwerror=true -Dtests=true >"$build/setup.log" 2>&1
else
    mkdir -p "$build" && CC=gcc meson setup "$build" -Dwerror=true -Dtests=true >"$build/setup.log" 2>&1
fi || { cat "$build/setup.log"; give_up "meson setup failed"; }
ninja -C "$build" >"$build/ninja.log" 2>&1 || {
    grep -E 'error|warning|FAILED|undefined|ERROR' -A 6 "$build/ninja.log" | head -100
    give_up "the build failed"
}

meson test -C "$build" --no-rebuild --print-errorlogs
exec python3 tests/count.py "$build/meson-logs/testlog.json"
