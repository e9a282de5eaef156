"""The table of the hostile corpus in ``docs/reliability.md``: ``table.py --write`` renews it."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reliability.md"
START, END = "<!-- hostile table: tests/trust/table.py -->\n", "<!-- end -->\n"
NAMES = {"fs": "links, pipes, targets", "labels": "label maps", "masks": "PNG masks"}
NAMES |= {"limits": "limits lowered", "yolovideo": "yolo-video", "zip": "zip and tar"}


def table() -> str:
    """Return the table: for each format how many cases end how, in lenient and in strict mode."""
    path = ROOT / "tests" / "data" / "hostile" / "manifest.json"
    counts: dict[str, Counter[str]] = {}
    for case in json.loads(path.read_text())["cases"]:
        row = counts.setdefault(NAMES.get(case["format"], case["format"]), Counter())
        row["cases"] += 1
        row[case["expected"]] += 1
        row["strict " + case["expected_strict"]] += 1
        row["like"] += "like" in case
    heads = ("cases", "error", "accept-with-warning", "accept", "strict error", "like")
    lines = [
        "| input | cases | error | told, rest kept | fine | strict: error | output compared |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    total: Counter[str] = Counter()
    for name in sorted(counts):
        total.update(counts[name])
        lines.append(f"| {name} | " + " | ".join(str(counts[name][head]) for head in heads) + " |")
    lines.append("| **all** | " + " | ".join(str(total[head]) for head in heads) + " |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """Return the page with the table as it is now."""
    text = PAGE.read_text("utf-8")
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return before + START + table() + END + after


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(page(), "utf-8")
    else:
        sys.stdout.write(table())
