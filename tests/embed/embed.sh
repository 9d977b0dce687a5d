#!/usr/bin/env bash
# The library as hosts embed it: built into a program and run, one way at a time, against an installed tree or, where
# the way is to build it with the host, from the sources. 77 where a tool is missing, which the last line names.
#   embed.sh WAY BUILD_FOLDER OUT_FOLDER
# standards   C99 to C17 and C++11 to C++20, by GCC and Clang, pedantic and without a warning
# pkgconfig   shared where no other package's .pc is seen; the archive alone; a program that is wholly static
# cmake       find_package and pkg-config, shared and static
# subproject  a host of Meson's that is built for debugging, with the library as a subproject
# musl        a static program by musl, without a BLAS
# go, rust, luajit   the hosts in examples/
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
way=$1
mkdir -p "$3" || exit 1
build=$(cd "$2" && pwd) out=$(cd "$3" && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $*"
    exit 1
}
need() { # need COMMAND PACKAGE
    command -v "$1" >/dev/null && return
    echo "no $1: apt-get install $2"
    exit 77
}
install_tree() { # install_tree BUILD_FOLDER FOLDER: what installing with that prefix would have written
    rm -rf "$2"
    DESTDIR=$2 meson install -C "$1" --no-rebuild >"$work/log" 2>&1 || { cat "$work/log"; fail "meson install"; }
    local package
    package=$(find "$2" -name pretrain.pc)
    prefix=$2$(sed -n 's/^prefix=//p' "$package")
    sed -i "s#^prefix=.*#prefix=$prefix#" "$package"
    packages=$(dirname "$package")
    libraries=$(dirname "$packages")
}
make_targets() { # make_targets BUILD_FOLDER TARGET...
    ninja -C "$@" >"$work/log" 2>&1 || { tail -40 "$work/log"; fail "ninja"; }
}
build_and_run() { # build_and_run WHAT COMMAND...: the command makes the program
    local what=$1
    shift
    rm -f "$work/program"
    "$@" -o "$work/program" >"$work/log" 2>&1 || { echo "$*"; cat "$work/log"; fail "$what does not build"; }
    run "$what" "$work/program"
}
run() { # run WHAT PROGRAM
    LD_LIBRARY_PATH=$libraries "$2" >"$work/log" 2>&1 || { cat "$work/log"; fail "$1 does not run"; }
    echo "$1: $(tail -1 "$work/log")"
}
flags() { # flags PKG_CONFIG_OPTION...
    PKG_CONFIG_PATH=$packages pkg-config --cflags --libs "$@" pretrain
}
strict="-pedantic -Wall -Wextra -Wshadow -Wconversion -Werror"

# shellcheck disable=SC2046,SC2086
case $way in
standards)
    need clang clang
    need clang++ clang
    need g++ g++
    install_tree "$build" "$work/tree"
    for compiler in gcc clang; do
        for standard in c99 c11 c17; do
            build_and_run "$standard by $compiler" \
                $compiler -std=$standard $strict "$root/tests/embed/consumer.c" $(flags)
        done
    done
    for compiler in g++ clang++; do
        for standard in c++11 c++14 c++17 c++20; do
            build_and_run "the C program as $standard by $compiler" \
                $compiler -std=$standard $strict -x c++ "$root/tests/embed/consumer.c" $(flags)
            build_and_run "pretrain.hpp, $standard by $compiler" \
                $compiler -std=$standard $strict -O1 "$root/examples/cplusplus.cpp" $(flags)
        done
    done
    ;;
pkgconfig)
    need pkg-config pkgconf
    install_tree "$build" "$work/tree"
    alone=$(PKG_CONFIG_LIBDIR=$packages PKG_CONFIG_PATH='' pkg-config --cflags --libs pretrain) ||
        fail "pretrain.pc asks for another package"
    build_and_run "shared, no other .pc" gcc "$root/tests/embed/consumer.c" $alone
    rm "$libraries"/libpretrain.so*
    build_and_run "the archive" gcc "$root/tests/embed/consumer.c" $(flags --static)
    grep -q OpenBLAS "$work/log" || ! flags --static | grep -q openblas || fail "OpenBLAS is not recognised"
    # Debian has no archives of what reads recordings. Nothing here calls it: all else is tried without.
    static=$(flags --static) unresolved=
    if echo "$static" | grep -q sndfile && [ "$(gcc -print-file-name=libsndfile.a)" = libsndfile.a ]; then
        static=$(echo "$static" | sed 's/-lsndfile\|-lmpg123\|-lsoxr\|-lkissfft-float//g')
        unresolved=-Wl,--unresolved-symbols=ignore-all
    fi
    build_and_run "wholly static" gcc -static $unresolved "$root/tests/embed/consumer.c" $static
    readelf -l "$work/program" | grep -q INTERP && fail "the program needs a loader"
    # A serial OpenBLAS may be called by one thread at a time: the library must see which one it has.
    grep -q OpenBLAS "$work/log" || ! flags --static | grep -q openblas || fail "OpenBLAS is not recognised"
    ;;
cmake)
    need cmake cmake
    install_tree "$build" "$work/tree"
    export PKG_CONFIG_PATH=$packages
    configure() { # configure FOLDER VERSION
        cmake -S "$root/tests/embed" -B "$1" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" -DVERSION="$2" >"$work/log" 2>&1
    }
    configure "$work/other" 0.2 && fail "a package of version 0.1 is taken for 0.2"
    configure "$work/host" 0.1 && cmake --build "$work/host" >>"$work/log" 2>&1 || { cat "$work/log"; fail "cmake"; }
    for name in pretrain-pretrain pretrain-static PkgConfig-PRETRAIN; do
        run "$name" "$work/host/$name"
    done
    ! readelf -d "$work/host/pretrain-static" | grep -q libpretrain || fail "pretrain::static is shared"
    ;;
subproject)
    host=$out/host-source libraries=
    mkdir -p "$host/subprojects"
    cp "$root/tests/embed/meson.build" "$root/tests/embed/consumer.c" "$host"
    ln -sfn "$root" "$host/subprojects/pretrain"
    for kind in shared static; do
        rm -rf "$out/host-$kind"
        meson setup "$out/host-$kind" "$host" --buildtype=debug -Ddefault_library=$kind -Dpretrain:levels=portable \
            -Dpretrain:werror=true >"$work/log" 2>&1 || { cat "$work/log"; fail "meson setup"; }
        python3 "$root/tests/embed/optimised.py" "$out/host-$kind/compile_commands.json" || exit 1
    done
    # Where Meson is told default_library=static, what a host gets by default is the archive.
    ninja -C "$out/host-static" -t inputs by_default | grep -q 'libpretrain\.a$' || fail "by default it is shared"
    make_targets "$out/host-shared" by_default shared static variable
    for program in by_default shared static variable; do
        run "$program" "$out/host-shared/$program"
        needed=$(readelf -d "$out/host-shared/$program" | grep -c libpretrain)
        [ "$needed" = "$([ $program = static ] && echo 0 || echo 1)" ] || fail "$program needs $needed libpretrain"
    done
    ;;
musl)
    need musl-gcc musl-tools
    [ -d "$out/musl/meson-private" ] || CC=musl-gcc meson setup "$out/musl" "$root" -Dwerror=true -Dtests=false \
        -Dblas=none -Dkissfft=disabled >"$work/log" 2>&1 || { cat "$work/log"; fail "meson setup"; }
    make_targets "$out/musl"
    install_tree "$out/musl" "$work/tree"
    # musl-gcc names a loader for static programs too; of the linkers, only GNU's own leaves it out by itself.
    build_and_run "static by musl" musl-gcc -std=c11 $strict -static -Wl,--no-dynamic-linker \
        "$root/tests/embed/consumer.c" $(flags --static)
    readelf -l "$work/program" | grep -q INTERP && fail "the program needs a loader"
    needed=$(readelf -d "$libraries/libpretrain.so" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | tr '\n' ' ')
    [ "$needed" = "libc.so " ] || fail "the shared library needs $needed"
    ;;
go)
    need go golang-go
    install_tree "$build" "$work/tree"
    export PKG_CONFIG_PATH=$packages GOCACHE=$out/go GO111MODULE=off
    build_go() { go build "$@" "$root/examples/host.go"; }
    build_and_run "Go" build_go
    ;;
rust)
    need rustc rustc
    install_tree "$build" "$work/tree"
    build_and_run "Rust" rustc -O -D warnings "$root/examples/host.rs" -L "$libraries"
    ;;
luajit)
    need luajit luajit
    install_tree "$build" "$work/tree"
    printf '#!/bin/sh\nexec luajit "%s" "%s"\n' "$root/examples/host.lua" "$prefix/include/pretrain.h" >"$work/program"
    chmod +x "$work/program"
    run "LuaJIT" "$work/program"
    ;;
*)
    fail "no way $way"
    ;;
esac
