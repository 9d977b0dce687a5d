#!/bin/sh
# The stripped shared library is small.    size.sh LIBRARY MOST_BYTES
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
strip -o "$work/stripped" "$1" || exit 1
bytes=$(wc -c <"$work/stripped")
echo "stripped: $bytes bytes; at most $2"
[ "$bytes" -le "$2" ]
