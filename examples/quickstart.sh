#!/bin/sh
# From a fresh Debian machine to a network that learned: installs what is missing, builds the library to
# build/quickstart, fetches texts, and runs examples/quickstart.c against it. Takes the options that
# `sh examples/quickstart.sh --help` lists.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
out=$root/build/quickstart

# Paths that the user gives are meant from where the user stands; the default is not.
given_out=no given_labels=no next=
for argument in "$@"; do
    case $next in
    --out) out=$argument ;;
    esac
    next=$argument
    case $argument in
    --out) given_out=yes ;;
    --labels) given_labels=yes ;;
    --help)
        sed -n 's/^ *\(fputs(\)\{0,1\}"\(usage: \|  --\)\(.*\)\\n",\{0,1\}$/\2\3/p' "$here/quickstart.c" |
            sed 's/\\"/"/g'
        exit ;;
    esac
done

# What is needed and is not here, by Debian's package names.
missing=
need() { "$@" >/dev/null 2>&1; }
need command -v cc || missing="$missing gcc libc6-dev"
need command -v meson || missing="$missing meson"
need command -v ninja || missing="$missing ninja-build"
need command -v pkg-config || missing="$missing pkgconf"
if ! printf '#include <cblas.h>\nint main(void) { return 0; }\n' | cc -x c -fsyntax-only - 2>/dev/null &&
   ! need pkg-config --exists openblas; then
    missing="$missing libopenblas-dev"
fi
if ! printf '#include <utf8proc.h>\nint main(void) { return 0; }\n' | cc -x c -fsyntax-only - 2>/dev/null; then
    missing="$missing libutf8proc-dev"
fi
if [ -n "$missing" ]; then
    install="apt-get install -y --no-install-recommends$missing"
    if [ "$(id -u)" = 0 ] && need command -v apt-get; then
        echo "installing:$missing"
        DEBIAN_FRONTEND=noninteractive $install >/dev/null 2>&1 ||
            { apt-get update -q && DEBIAN_FRONTEND=noninteractive $install; }
    else
        echo "Some packages are missing. As root, run this, and then start the quickstart again:" >&2
        echo "    $install" >&2
        exit 1
    fi
fi
mkdir -p "$out"

# What Debian says of its packages, unless the user has texts. Fetched while the library is built.
texts=
if [ $given_labels = no ]; then
    sh "$here/quickstart_packages.sh" "$out" &
    texts=$!
fi

# The library, built and installed beside its reports, and the program against the installed tree as any host's would
# be.
prefix=$out/installed
if ! {
    if [ -f "$out/library/build.ninja" ]; then
        meson configure "$out/library" -Dprefix="$prefix"
    else
        meson setup "$out/library" "$root" -Dprefix="$prefix" -Dlibdir=lib -Dtests=false
    fi && ninja -C "$out/library" && meson install -C "$out/library" --no-rebuild
} >"$out/build.log" 2>&1; then
    tail -n 20 "$out/build.log" >&2
    echo "the library did not build; all of it is in $out/build.log" >&2
    exit 1
fi
# With libpng the report's drawings are PNG files, too.
png=
if need pkg-config --exists libpng; then
    png="-DPT__PNG $(pkg-config --cflags --libs libpng)"
fi
# shellcheck disable=SC2086
cc -std=c11 -D_POSIX_C_SOURCE=200809L -O2 -Wl,-rpath,"$prefix/lib" "$here/quickstart.c" "$here/quickstart_texts.c" \
    "$here/quickstart_network.c" "$here/quickstart_ngrams.c" "$here/quickstart_report.c" "$root"/tools/report/*.c \
    -I"$prefix/include" -L"$prefix/lib" -lpretrain $png -lm -o "$out/quickstart"
if [ $given_out = no ]; then
    set -- --out "$out" "$@"
fi
if [ -n "$texts" ]; then
    wait "$texts"
    set -- --labels "$out/labelled.jsonl" --text "$out/unlabelled.txt" "$@"
fi
exec "$out/quickstart" "$@"
