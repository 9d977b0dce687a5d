"""Counts the results in meson's log of a test run; says what was skipped and why. The last line is for scripts."""
import json
import sys

passed = failed = skipped = 0
try:
    lines = open(sys.argv[1], encoding="utf-8").readlines()
except OSError as error:
    print(error)
    lines = []
    failed = 1
for line in lines:
    entry = json.loads(line)
    if entry["result"] in ("OK", "EXPECTEDFAIL"):
        passed += 1
    elif entry["result"] == "SKIP":
        skipped += 1
        reasons = [text for text in entry.get("stdout", "").split("\n") if text.startswith("SKIP")]
        print(f"skipped: {entry['name']}: {reasons[0][5:].strip() if reasons else 'no reason given'}")
    else:
        failed += 1
        print(f"failed: {entry['name']} ({entry['result'].lower()})")
if passed + failed + skipped == 0:
    failed = 1
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed else 0)
