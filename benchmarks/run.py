"""Whole conversions against their floors, in one interleaved run.

    python benchmarks/run.py                 # val size: 5,000 images; about two minutes
    python benchmarks/run.py --size train    # 118,287 images; about ten minutes
    python benchmarks/run.py --only coco-yolo-detect --repeat 5

Prints a table: median CPU seconds (user and system, start-up included) of the floor script and
of ``dlgeom convert``, their ratio, the peak resident memory of both, and the goals. Files are made
under --work, on tmpfs where there is one. --images N takes another size.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from harness import (
    TRAIN,
    VAL,
    Table,
    coco_file,
    command_of,
    dlgeom,
    floor,
    folder,
    in_turns,
    intro,
    parser,
    ratio,
    remove,
    target_of,
    wanted,
    workspace,
)


class Work(NamedTuple):
    """A conversion, its floor script and its goals: ratio to the floor, peak MB."""

    name: str
    floor: str
    source: str
    options: tuple[str, ...] = ()
    train: tuple[float | None, float | None] = (None, None)
    val: tuple[float | None, float | None] = (None, None)


_YOLO = ("--to", "yolo", "--task")
WORKS = (
    Work(
        "coco-yolo-detect", "coco_yolo_detect", "coco", (*_YOLO, "detect"), (1.6, 400), (1.7, 110)
    ),
    Work("coco-yolo-segment", "coco_yolo_segment", "coco", (*_YOLO, "segment"), (1.65, 400)),
    Work("coco-voc", "coco_voc", "coco", ("--to", "voc", "--task", "detect"), (1.4, 450)),
    Work("yolo-coco", "yolo_coco", "yolo", (), (1.8, 80), (1.8, 80)),
    Work("yolo-segment-coco", "yolo_coco", "yoloseg", (), (1.6, 80), (1.6, 80)),
    Work("voc-coco", "voc_coco", "voc", (), (1.2, 80), (1.2, 80)),
    Work("coco-coco", "", "coco", (), (None, 150), (None, 150)),
)
COLUMNS = (
    "conversion",
    "images",
    "floor s",
    "dlgeom s",
    "ratio",
    "goal",
    "floor MB",
    "MB",
    "goal MB",
)


def source_of(work: Path, item: Work, images: int) -> tuple[Path, int]:
    """Return the source of a conversion and its number of images.

    The goals of the other direction are for 20,000 and 5,000 images, whatever the size of COCO.
    """
    if item.source == "coco":
        return coco_file(work, images), images
    count = {"yoloseg": 5_000}.get(item.source, 20_000) if images >= VAL[0] else images
    return folder(work, item.source, count), count


def main() -> None:
    options = parser(__doc__, repeat=3)
    options.add_argument("--size", choices=["val", "train"], default="val")
    options.add_argument("--images", type=int, help="another number of images")
    args = options.parse_args()
    images = args.images or {"val": VAL, "train": TRAIN}[args.size][0]
    intro(command_of(__file__), args.repeat, markdown=args.markdown)
    table = Table(COLUMNS, markdown=args.markdown, first=20)
    with workspace(args.work) as work:
        for item in WORKS:
            if not wanted(item.name, args.only):
                continue
            source, count = source_of(work, item, images)
            target = target_of(work, folder=bool(item.options))
            commands = {"dlgeom": dlgeom(source, target, *item.options)}
            if item.floor:
                commands = {"floor": floor(item.floor, source, target), **commands}
            used = in_turns(commands, args.repeat, before=lambda target=target: remove(target))
            remove(target)
            ours, least = used["dlgeom"], used.get("floor")
            goal, most = item.train if args.size == "train" else item.val
            goal, most = (None, None) if args.images else (goal, most)
            table.add(
                item.name,
                count,
                least and least.cpu,
                ours.cpu,
                least and ratio(ours.cpu, least.cpu),
                goal,
                least and round(least.peak),
                round(ours.peak),
                most,
            )


if __name__ == "__main__":
    main()
