#!/bin/sh
# The public header compiles alone, with warnings as errors, as pedantic C99, C11 and C++11 to C++20, and together with
# system headers that use the prefix PT_ too, before and after them; pretrain.hpp as C++11 to C++20. PT_API is
# what the host defines, else what the system needs.
#   header.sh SOURCE_ROOT C_COMPILER C++_COMPILER
set -u
root=$1 c=$2 cxx=$3
include=$root/include
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

compile() { # compile DESCRIPTION COMPILER ARGUMENT... < source
    what=$1
    shift
    if ! "$@" -I"$include" -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror \
        -fsyntax-only - >"$work/log" 2>&1; then
        echo "FAILED: $what"
        cat "$work/log"
        failed=1
    fi
}

systems='elf.h sys/ptrace.h'
sources() { # the texts to compile, one a file
    echo '#include <pretrain.h>' >"$work/alone"
    printf '#include <pretrain.h>\n#include <pretrain.h>\n' >"$work/twice"
    for system in $systems; do
        name=$(echo "$system" | tr / _)
        printf '#include <%s>\n#include <pretrain.h>\n' "$system" >"$work/after_$name"
        printf '#include <pretrain.h>\n#include <%s>\n' "$system" >"$work/before_$name"
    done
}
sources
for source in "$work"/alone "$work"/twice "$work"/after_* "$work"/before_*; do
    name=$(basename "$source")
    for standard in c99 c11 c17; do
        compile "$name as $standard" "$c" -std=$standard -Wstrict-prototypes -Wmissing-prototypes -x c <"$source"
    done
    if command -v "$cxx" >/dev/null; then
        for standard in c++11 c++17 c++20; do
            compile "$name as $standard" "$cxx" -std=$standard -Wold-style-cast -Wno-error=old-style-cast \
                -x c++ <"$source"
        done
    fi
done
if command -v "$cxx" >/dev/null; then
    echo '#include <pretrain.hpp>' >"$work/wrapper"
    for standard in c++11 c++17 c++20; do
        compile "pretrain.hpp as $standard" "$cxx" -std=$standard -x c++ <"$work/wrapper"
    done
else
    echo "no C++ compiler ($cxx): the C++ half was left out"
fi

marks() { # marks DESCRIPTION EXPECTED ARGUMENT... : what PT_API becomes
    what=$1 expected=$2
    shift 2
    found=$(printf '#include <pretrain.h>\nfound: PT_API;\n' | "$c" -I"$include" -E -P "$@" - | sed -n 's/^found: *//p')
    if [ "$found" != "$expected" ]; then
        echo "FAILED: PT_API $what is \"$found\", expected \"$expected\""
        failed=1
    fi
}
marks 'defined by the host' ';' -DPT_API=
marks 'of Windows, for hosts' '__declspec(dllimport);' -D_WIN32
marks 'of Windows, for the library' '__declspec(dllexport);' -D_WIN32 -DPT_BUILD
marks 'of Windows, for the static library' ';' -D_WIN32 -DPT_STATIC
[ $failed -eq 0 ] && echo "pretrain.h compiles everywhere"
exit $failed
