"""Count test results for scripts/test, from automake's .trs files and pytest's JUnit files."""
import pathlib
import sys
import xml.etree.ElementTree as ElementTree

from loops import MODE, table


def collect(build):
    """passed, failed, skipped of a build folder's `make check`."""
    counts = {"PASS": 0, "FAIL": 0, "SKIP": 0}
    for path in pathlib.Path(build).rglob("*.trs"):
        for line in path.read_text().splitlines():
            if line.startswith(":test-result: "):
                word = line.split()[1]
                counts["FAIL" if word in ("FAIL", "ERROR", "XPASS") else
                       "SKIP" if word == "SKIP" else "PASS"] += 1
    return counts["PASS"], counts["FAIL"], counts["SKIP"]


def from_junit(path):
    passed = failed = skipped = 0
    for suite in ElementTree.parse(path).getroot().iter("testsuite"):
        bad = int(suite.get("failures")) + int(suite.get("errors"))
        skipped += int(suite.get("skipped"))
        failed += bad
        passed += int(suite.get("tests")) - bad - int(suite.get("skipped"))
    return passed, failed, skipped


def total(results, failed_steps):
    passed = failed = skipped = 0
    for path in sorted(pathlib.Path(results).iterdir()):
        if path.suffix == ".count":
            counts = tuple(map(int, path.read_text().split()))
        elif path.suffix == ".xml":
            counts = from_junit(path)
        else:
            continue
        print(f"{path.stem}: {counts[0]} passed, {counts[1]} failed, {counts[2]} skipped;")
        passed, failed, skipped = (a + b for a, b in zip((passed, failed, skipped), counts))
    if failed_steps:
        print("steps that failed:", " ".join(failed_steps))
        failed = max(failed, 1)
    if passed == 0:
        print("no test ran")
        failed = max(failed, 1)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


def main(arguments):
    if arguments[0] == "--collect":
        print(*collect(arguments[1]))
        return 0
    if arguments[0] == "--loops":
        print(f"loop counts ({MODE}):")
        for name, count in table():
            print(f"  {name} = {count}")
        return 0
    return total(arguments[1], arguments[2:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
