#!/bin/sh
# The stripped shared library is small; and what each processor level adds to it.
#   size.sh LIBRARY MOST_BYTES [ARCHIVE_OF_A_LEVEL...]
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
library=$1 most=$2
shift 2
for archive in "$@"; do
    bytes=$(size "$archive" | awk 'NR > 1 { sum += $1 + $2 } END { print sum }') || exit 1
    echo "$(basename "$archive" .a | sed 's/^lib//'): $bytes bytes"
done
strip -o "$work/stripped" "$library" || exit 1
bytes=$(wc -c <"$work/stripped")
echo "stripped: $bytes bytes; at most $most"
[ "$bytes" -le "$most" ]
