#!/bin/sh
# An installation in a folder of its own is enough for a host: its header, its shared and its static library by way of
# pkg-config, from C and from C++.    install.sh SOURCE_ROOT BUILD_ROOT C_COMPILER C++_COMPILER
set -u
root=$1 build=$2 c=$3 cxx=$4
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
fail() {
    echo "FAILED: $*"
    [ -f "$work/log" ] && cat "$work/log"
    exit 1
}
if ! command -v pkg-config >/dev/null; then
    echo "SKIP: pkg-config is missing: apt-get install pkg-config"
    exit 77
fi

DESTDIR=$work/root meson install -C "$build" --no-rebuild >"$work/log" 2>&1 || fail "meson install"
pc=$(find "$work/root" -name pretrain.pc)
[ -n "$pc" ] || fail "no pretrain.pc was installed"
libraries=$(dirname "$(dirname "$pc")")
export PKG_CONFIG_PATH="$(dirname "$pc")" PKG_CONFIG_SYSROOT_DIR=
prefix=$work/root$(pkg-config --variable=prefix pretrain)
pkg() { pkg-config --define-variable=prefix="$prefix" "$@"; }

[ -f "$prefix/include/pretrain.h" ] || fail "no header"
so=$(find "$libraries" -name 'libpretrain.so.*' -type f)
[ -f "$so" ] || fail "no shared library"
soname=$(readelf -d "$so" | sed -n 's/.*soname: \[\(.*\)\]/\1/p')
[ "$soname" = "libpretrain.so.0.1" ] || fail "soname is $soname"
readelf -d "$so" | grep -E 'RPATH|RUNPATH' && fail "the installed library has a run path of the build machine"
[ "$(pkg --modversion pretrain)" = "$(sed -n 's/.*version: .\([0-9.]*\).,/\1/p' "$root/meson.build" | head -1)" ] ||
    fail "version of pretrain.pc"
case "$(pkg --libs pretrain)" in
*blas*) fail "pretrain.pc burdens shared linking with the BLAS: $(pkg --libs pretrain)" ;;
esac
PKG_CONFIG_LIBDIR="$(dirname "$pc")" pkg --cflags --libs pretrain >"$work/log" 2>&1 ||
    fail "pretrain.pc needs another package's .pc"
if readelf -d "$so" | grep -q 'NEEDED.*blas'; then
    case "$(pkg --static --libs pretrain)" in *blas*) ;; *) fail "pretrain.pc --static lacks the BLAS" ;; esac
fi
for file in include/pretrain.hpp share/doc/pretrain/COPYING share/doc/pretrain/README.md \
    share/doc/pretrain/docs/guide.md share/doc/pretrain/examples/pretrain.c \
    share/doc/pretrain/examples/python/pretrain/__init__.py share/man/man1/pretrain.1 \
    share/bash-completion/completions/pretrain share/zsh/site-functions/_pretrain \
    share/fish/vendor_completions.d/pretrain.fish; do
    [ -f "$prefix/$file" ] || fail "no $file"
done
[ "$(LD_LIBRARY_PATH="$libraries" "$prefix/bin/pretrain" --version)" = "pretrain $(pkg --modversion pretrain)" ] ||
    fail "the program is not there, or does not run"
readelf -d "$prefix/bin/pretrain" | grep -E 'RPATH|RUNPATH' && fail "the program has a run path of the build machine"
[ -f "$libraries/cmake/pretrain/pretrain-config.cmake" ] || fail "no file for CMake's find_package"
find "$prefix" -name '*.pyc' | grep . && fail "compiled Python was installed"

cat >"$work/consumer.c" <<'END'
#include <pretrain.h>
#include <stdio.h>
int main(void) {
    pt_context_options_t options;
    pt_context_t *context;
    if (pt_context_options_init(&options, sizeof options) != PT_OK)
        return 1;
    options.threads = 1;
    if (pt_context_create(&options, &context) != PT_OK) {
        fprintf(stderr, "%s\n", pt_last_error());
        return 2;
    }
    printf("%s: %s\n", pt_version(), pt_context_describe(context));
    pt_context_free(context);
    return pt_version_number() == PT_VERSION_MAJOR * 1000000 + PT_VERSION_MINOR * 1000 + PT_VERSION_PATCH ? 0 : 3;
}
END
cp "$work/consumer.c" "$work/consumer.cpp"

try() { # try DESCRIPTION COMPILER SOURCE LINK_MODE
    what=$1 compiler=$2 source=$3 mode=$4
    command -v "$compiler" >/dev/null || { echo "no $compiler: $what was left out"; return; }
    rm -f "$work/consumer"
    if [ "$mode" = static ]; then # the archive itself, and what pkg-config says it needs
        flags=$(pkg --static --libs pretrain | sed "s#-lpretrain#$libraries/libpretrain.a#")
    else
        flags=$(pkg --libs pretrain)
    fi
    # shellcheck disable=SC2086
    "$compiler" -Wall -Wextra -Werror "$source" $(pkg --cflags pretrain) $flags -o "$work/consumer" >"$work/log" 2>&1 ||
        fail "$what does not build"
    LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" "$work/consumer" >"$work/log" 2>&1 ||
        fail "$what does not run"
    if [ "$mode" = static ] && readelf -d "$work/consumer" | grep -q libpretrain; then
        fail "$what is not static"
    fi
    echo "$what: $(cat "$work/log")"
}
try "C, shared" "$c" "$work/consumer.c" shared
try "C, static" "$c" "$work/consumer.c" static
try "C++, shared" "$cxx" "$work/consumer.cpp" shared
try "C++, static" "$cxx" "$work/consumer.cpp" static
