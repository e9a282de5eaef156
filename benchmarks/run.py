"""Whole conversions against their floors, in one interleaved run.

    python benchmarks/run.py                 # val size: 5,000 images; about two minutes
    python benchmarks/run.py --size train    # also 118,287 images; about ten minutes
    python benchmarks/run.py --only coco-yolo-detect --repeat 5

Prints a table: median CPU seconds (user and system, start-up included) of the floor script and
of ``dlgeom convert``, their ratio, and the peak resident memory of both. Files are made under
--work, on tmpfs where there is one.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
TRAIN = (118_287, 869_188)
VAL = (5_000, 37_123)


class Work(NamedTuple):
    name: str
    floor: str
    source: str
    target: str
    options: tuple[str, ...]


WORKS = [
    Work(
        "coco-yolo-detect",
        "coco_yolo_detect",
        "{size}.json",
        "out",
        ("--to", "yolo", "--task", "detect"),
    ),
    Work(
        "coco-yolo-segment",
        "coco_yolo_segment",
        "{size}.json",
        "out",
        ("--to", "yolo", "--task", "segment"),
    ),
    Work("coco-voc", "coco_voc", "{size}.json", "out", ("--to", "voc", "--task", "detect")),
    Work("yolo-coco (20,000)", "yolo_coco", "yolo20k", "out.json", ()),
    Work("yolo-segment-coco (5,000)", "yolo_coco", "yoloseg", "out.json", ()),
    Work("voc-coco (20,000)", "voc_coco", "voc20k", "out.json", ()),
    Work("coco-coco", "", "{size}.json", "out.json", ()),
]


def measured(command: list[str]) -> tuple[float, float]:
    """Run a command; return CPU seconds and peak memory in MB."""
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent), "OPENBLAS_NUM_THREADS": "1"}
    child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, 1):
        raise SystemExit(f"failed with {child.returncode}: {' '.join(command)}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def dlgeom(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "dlgeom", "convert", "--quiet", *map(str, arguments)]


def prepare(work: Path, size: str) -> None:
    """Make the sources that are not there yet."""
    wanted = {"val.json": (*VAL, False), "boxes20k.json": (20_000, 146_963, True)}
    if size == "train":
        wanted["train.json"] = (*TRAIN, False)
    for name, (images, annotations, boxes) in wanted.items():
        if not (work / name).exists():
            print(f"making {name}", file=sys.stderr)
            # In a process of its own: a child's peak memory starts at that of its parent.
            script = [sys.executable, str(HERE / "generate.py"), str(work / name)]
            script += ["--images", str(images), "--annotations", str(annotations)]
            measured([*script, "--boxes"] if boxes else script)
    derived = {
        "yolo20k": ("boxes20k.json", ("--to", "yolo", "--task", "detect")),
        "yoloseg": ("val.json", ("--to", "yolo", "--task", "segment")),
        "voc20k": ("boxes20k.json", ("--to", "voc", "--task", "detect")),
    }
    for name, (source, options) in derived.items():
        if not (work / name).exists():
            measured(dlgeom(work / source, work / name, *options))


def compare(work: Path, item: Work, size: str, repeat: int) -> str:
    source = work / item.source.format(size=size)
    target = work / item.target
    ours: list[tuple[float, float]] = []
    floor: list[tuple[float, float]] = []
    script = HERE / "floors" / f"{item.floor}.py"
    for _ in range(repeat):
        if item.floor:
            remove(target)
            floor.append(measured([sys.executable, str(script), str(source), str(target)]))
        remove(target)
        ours.append(measured(dlgeom(source, target, *item.options)))
    remove(target)
    cpu, memory = (statistics.median(column) for column in zip(*ours, strict=True))
    if not floor:
        return f"{item.name:<28}{'':>10}{cpu:>10.2f}{'':>8}{'':>10}{memory:>10.0f}"
    least, small = (statistics.median(column) for column in zip(*floor, strict=True))
    return (
        f"{item.name:<28}{least:>10.2f}{cpu:>10.2f}{cpu / least:>8.2f}{small:>10.0f}{memory:>10.0f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", choices=["val", "train"], default="val")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--work", type=Path, help="folder for data; kept if given")
    args = parser.parse_args()
    base = "/dev/shm" if Path("/dev/shm").is_dir() else None
    work = args.work or Path(tempfile.mkdtemp(prefix="dlgeom-bench-", dir=base))
    work.mkdir(parents=True, exist_ok=True)
    try:
        prepare(work, args.size)
        print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
        print(f"median of {args.repeat}; COCO sources of {args.size} size unless said")
        print(
            f"{'conversion':<28}{'floor s':>10}{'dlgeom s':>10}{'ratio':>8}"
            f"{'floor MB':>10}{'MB':>10}"
        )
        for item in WORKS:
            if not args.only or any(item.name.startswith(name) for name in args.only):
                print(compare(work, item, args.size, args.repeat), flush=True)
    finally:
        if args.work is None:
            shutil.rmtree(work)


if __name__ == "__main__":
    main()
