"""All benchmarks, one after the other, and the tables of the documentation.

    python benchmarks/all.py                    # val size: 5,000 images; about ten minutes
    python benchmarks/all.py --size train       # 118,287 images; about 40 minutes
    python benchmarks/all.py --write --python venv/bin/python  # peers from another environment
    python benchmarks/all.py --only run --only growth --repeat 1

Each script runs with --markdown; its tables are printed, and with --write put into
docs/performance.md and docs/scale.md, between the comments that name them. Where the goals of a
table are known, what was reached is gathered in a table of its own. What would start after
--budget minutes is left out, and said.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time

from harness import HERE, ROOT, environment, machine, parser, wanted, workspace

PAGES = (ROOT / "docs" / "performance.md", ROOT / "docs" / "scale.md")
Rows = list[dict[str, str]]


def steps(size: str, python: str) -> dict[str, list[str]]:
    """Return name -> script and options, the repeats that it takes in good time among them."""
    peers = ["peers.py", "--python", python]
    if size == "train":
        return {
            "run-train": ["run.py", "--size", "train", "--repeat", "3"],
            "peers-train": [*peers, "--size", "train", "--repeat", "1"],
            "growth-train": ["growth.py", "--images", "29572", "--repeat", "1"],
            "scaling-train": ["scaling.py", "--images", "118287", "--repeat", "1"],
        }
    return {
        "startup": ["startup.py", "--repeat", "7"],
        "run-val": ["run.py", "--repeat", "5"],
        "growth": ["growth.py", "--repeat", "1"],
        "peers-val": [*peers, "--repeat", "3"],
        "scaling": [
            *("scaling.py", "--images", "40000", "--repeat", "1"),
            *("--only", "coco-yolo", "--only", "coco-voc"),
        ],
        "geometry": ["geometry.py", "--goals", "--objects", "100", "--repeat", "3"],
        "overlap": ["overlap.py", "--repeat", "5"],
        "render": ["render.py", "--repeat", "3"],
        "simulate": ["simulate.py", "--repeat", "3"],
    }


def rows_of(text: str) -> Rows:
    """Return the lines of the Markdown tables in a text, each as column -> cell."""
    rows: Rows = []
    columns: list[str] = []
    for line in text.splitlines():
        if not line.startswith("|"):
            columns = []
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not columns:
            columns = cells
        elif not all(set(cell) <= {"-", ":"} and len(cell) > 2 for cell in cells):
            rows.append(dict(zip(columns, cells, strict=True)))
    return rows


def number(cell: str) -> float | None:
    try:
        return float(cell.replace(",", ""))
    except ValueError:
        return None


def reached(name: str, rows: Rows) -> list[tuple[str, str, str, str]]:
    """Return what the goals of a table are and what was reached: what, goal, figure, whether."""
    # column with the figure, column with the goal, whether less is better, what it is
    kinds = {
        "run": (("ratio", "goal", True, "to the floor"), ("MB", "goal MB", True, "peak MB")),
        "growth": (("MB", "goal MB", True, "MB for 1,000 images more"),),
        "peers": (("to dlgeom", "goal", False, "times faster than the best peer"),),
        "scaling": (("speed-up", "goal", False, "two workers, times faster"),),
        "startup": (("above python", "goal", True, "CPU s"),),
        "geometry": (("times", "goal", False, "times faster"), ("dlgeom", "goal", True, "CPU s")),
        "overlap": (("ratio", "goal", True, "to the peer"),),
        "render": (("ratio", "goal", True, "to bare OpenCV"), ("more MB", "goal", True, "MB")),
    }
    found = []
    for row in rows:
        for figure, goal, less, what in kinds.get(name.partition("-")[0], ()):
            if name == "geometry" and figure == "dlgeom" and "times" in row:
                continue
            got, want = number(row.get(figure, "")), number(row.get(goal, ""))
            if got is None or want is None:
                continue
            first = next(iter(row.values()))
            more = f", {row['images']} images" if "images" in row else ""
            more += f", {row['objects']}" if "objects" in row else ""
            met = "yes" if (got <= want if less else got >= want) else "no"
            sign = "<=" if less else ">="
            found.append((f"{first}{more}: {what}", f"{sign} {row[goal]}", row[figure], met))
    return found


def put(name: str, text: str) -> bool:
    """Put tables between the comments of that name; return whether a page has them."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)", re.DOTALL)
    done = False
    for page in PAGES:
        before = page.read_text() if page.exists() else ""
        after = pattern.sub(lambda match: f"{match[1]}{text.strip()}{match[2]}", before)
        if pattern.search(before):
            done = True
        if after != before:
            page.write_text(after)
    return done


def main() -> None:
    options = parser(__doc__, repeat=0)
    options.add_argument("--size", choices=["val", "train"], default="val")
    options.add_argument("--python", default=sys.executable, help="interpreter that has the peers")
    options.add_argument("--budget", type=float, help="minutes; 15 at val size, 90 at train size")
    options.add_argument("--write", action="store_true", help="put the tables into the pages")
    args = options.parse_args()
    budget = args.budget or {"val": 15, "train": 90}[args.size]
    start = time.monotonic()
    goals: list[tuple[str, str, str, str]] = []
    with workspace(args.work) as work:
        for name, (script, *others) in steps(args.size, args.python).items():
            if not wanted(name, args.only):
                continue
            minutes = (time.monotonic() - start) / 60
            if minutes > budget:
                print(f"{name}: left out after {minutes:.0f} minutes\n", flush=True)
                continue
            print(f"{name}, after {minutes:.1f} minutes", file=sys.stderr)
            command = [sys.executable, str(HERE / script), "--markdown", *others]
            if args.repeat:
                command[command.index("--repeat") + 1] = str(args.repeat)
            if script not in ("geometry.py", "overlap.py", "render.py"):
                command += ["--work", str(work)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment())
            print(f"### {name}\n\n{done.stdout}", flush=True)
            if done.returncode:
                print(f"{name} failed with {done.returncode}\n", flush=True)
                continue
            goals += reached(name, rows_of(done.stdout))
            if args.write and not put(name, done.stdout):
                print(f"no page has a place for {name}", file=sys.stderr)
    if args.write:
        # Of all tables that the pages have by now, those of this run and of earlier ones.
        pages = "".join(page.read_text() for page in PAGES)
        written: list[tuple[str, str, str, str]] = []
        for name in steps(args.size, args.python):
            found = re.search(rf"<!-- {name} -->\n(.*?)\n<!-- /{name} -->", pages, re.DOTALL)
            written += reached(name, rows_of(found[1] if found else ""))
        put(f"goals-{args.size}", goal_table(written))
    print(f"### Goals\n\n{goal_table(goals)}")


def goal_table(goals: list[tuple[str, str, str, str]]) -> str:
    lines = [f"{machine()}.\n", "| what | goal | reached | met |", "| --- | --- | --- | --- |"]
    lines += [f"| {' | '.join(row)} |" for row in goals]
    met = sum(row[3] == "yes" for row in goals)
    return "\n".join([*lines, f"\n{met} of {len(goals)} goals are met."])


if __name__ == "__main__":
    main()
