"""How time and memory grow: each conversion at n, 2n and 4n images, beside its floor.

    python benchmarks/growth.py                    # 5,000, 10,000 and 20,000 images; two minutes
    python benchmarks/growth.py --images 29572     # up to the train size of COCO
    python benchmarks/growth.py --only coco-coco

Prints CPU seconds and peak memory at each size, then for each conversion what a thousand images
more cost: CPU seconds and MB of the last doubling, from 2n to 4n, so that start-up and windows
that are not full yet do not count. The goal is 1.5 MB for 1,000 images, stretched 0.5.
"""

from __future__ import annotations

from harness import (
    Table,
    Usage,
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
from run import WORKS

GOAL = 1.5


def main() -> None:
    options = parser(__doc__, repeat=1)
    options.add_argument("--images", type=int, default=5_000, help="n; 2n and 4n follow")
    args = options.parse_args()
    intro(command_of(__file__), args.repeat, markdown=args.markdown)
    columns = ("conversion", "images", "floor s", "dlgeom s", "ratio", "floor MB", "MB")
    table = Table(columns, markdown=args.markdown, first=20)
    sizes = [args.images, 2 * args.images, 4 * args.images]
    grown: dict[str, list[dict[str, Usage]]] = {}
    with workspace(args.work) as work:
        for item in WORKS:
            if not wanted(item.name, args.only):
                continue
            for images in sizes:
                if item.source == "coco":
                    source = coco_file(work, images)
                else:
                    source = folder(work, item.source, images)
                target = target_of(work, folder=bool(item.options))
                commands = {"dlgeom": dlgeom(source, target, *item.options)}
                if item.floor:
                    commands = {"floor": floor(item.floor, source, target), **commands}
                used = in_turns(commands, args.repeat, before=lambda target=target: remove(target))
                remove(target)
                grown.setdefault(item.name, []).append(used)
                ours, least = used["dlgeom"], used.get("floor")
                table.add(
                    item.name,
                    images,
                    least and least.cpu,
                    ours.cpu,
                    least and ratio(ours.cpu, least.cpu),
                    least and round(least.peak),
                    round(ours.peak),
                )
    print()
    columns = ("1,000 images more", "floor s", "dlgeom s", "ratio", "floor MB", "MB", "goal MB")
    summary = Table(columns, markdown=args.markdown, first=20)
    step = 2 * args.images / 1_000
    for name, usages in grown.items():
        slopes = {
            side: ((after.cpu - before.cpu) / step, (after.peak - before.peak) / step)
            for side, after in usages[2].items()
            for before in [usages[1][side]]
        }
        cpu, peak = slopes["dlgeom"]
        least_cpu, least_peak = slopes.get("floor", (None, None))
        shown = least_cpu and f"{least_cpu:.4f}"
        compared = ratio(cpu, least_cpu) if least_cpu else None
        summary.add(name, shown, f"{cpu:.4f}", compared, least_peak, peak, GOAL)


if __name__ == "__main__":
    main()
