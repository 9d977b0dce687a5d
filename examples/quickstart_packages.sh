#!/bin/sh
# What Debian says of its packages, as texts with natural labels: writes OUT/labelled.jsonl, descriptions of ten
# sections with their section, and OUT/unlabelled.txt, all others, parted by empty lines. Of a source package all
# descriptions are in one of them, and only one is labelled, so that nothing held out has a sister among what is read.
#   sh examples/quickstart_packages.sh OUT
# Needs no rights: apt's lists are fetched into OUT/lists (16 MB), or, without a network, those of the system are taken.
set -eu
out=$1
sections="admin games graphics math net science sound text video web"
mkdir -p "$out/lists/partial" "$out/cache/archives/partial"

# Names of the lists that there are, of one kind.
lists() { apt-get indextargets "$@" --format '$(FILENAME)' "Created-By: $kind" 2>/dev/null | grep -E "$names" || true; }
use() {
    kind=Packages names=. packages=$(lists "$@")
    kind=Translations names='Translation-en' translations=$(lists "$@")
    [ -n "$packages" ] && [ -n "$translations" ]
}
own="-o Dir::State::Lists=$out/lists -o Dir::Cache=$out/cache -o Acquire::Languages=en"
if ! use $own; then
    apt-get update -q $own >"$out/lists.log" 2>&1 || true
    if ! use $own && ! use -o Acquire::Languages=en; then
        tail -n 3 "$out/lists.log" >&2
        echo "Debian's package lists could not be fetched, and the system has none with descriptions." >&2
        echo "With a network, as root:" >&2
        echo "    apt-get update -o Acquire::Languages=en" >&2
        echo "or give texts of your own: --labels FILE (JSON lines with \"text\" and \"label\") --text FILE" >&2
        exit 1
    fi
fi
read_lists() { for list in $1; do /usr/lib/apt/apt-helper cat-file "$list"; printf '\n\n'; done; }

# One line a description: its checksum, which mixes them, section, source, text.
{ read_lists "$packages"; echo "Lists: translations"; echo; read_lists "$translations"; } | LC_ALL=C awk '
    /^Lists: translations$/ { translated = 1; next }
    !translated && /^Package: / { package = $2; source = $2; section = "" }
    !translated && /^Source: / { source = $2 }
    !translated && /^Section: / { section = $2; sub(/.*\//, "", section) }
    !translated && /^Description-md5: / { sum = $2 }
    !translated && /^$/ && sum != "" { sections[sum] = section; sources[sum] = source; sum = "" }
    translated && /^Description-md5: / { sum = $2 }
    translated && /^Description-en: / { text = substr($0, 17); reading = 1; next }
    translated && reading && /^ / {
        line = substr($0, 2)
        if (line != ".") text = text "\001" line
        next
    }
    translated && reading {
        if (sum in sections && !(sum in seen)) {
            gsub(/\t/, " ", text)
            print sum "\t" sections[sum] "\t" sources[sum] "\t" text
            seen[sum] = 1
        }
        reading = 0
    }' | LC_ALL=C sort >"$out/descriptions.tsv"

LC_ALL=C awk -F '\t' -v wanted="$sections" -v labelled="$out/labelled.jsonl" -v unlabelled="$out/unlabelled.txt" '
    BEGIN { count = split(wanted, list, " "); for (i = 1; i <= count; i++) room[list[i]] = 140 }
    {
        if (!($3 in taken)) taken[$3] = $2 in room && room[$2]-- > 0 ? "labelled" : "read"
        else if (taken[$3] == "labelled") next
        text = $4
        if (taken[$3] == "labelled") {
            gsub(/\\/, "&&", text); gsub(/"/, "\\\"", text); gsub(/\001/, "\\n", text)
            gsub(/[\001-\037]/, " ", text)
            print "{\"text\": \"" text "\", \"label\": \"" $2 "\"}" >labelled
        } else {
            gsub(/\001/, "\n", text)
            print text "\n" >unlabelled
        }
    }' "$out/descriptions.tsv"
rm -f "$out/descriptions.tsv"
