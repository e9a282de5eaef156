"""What a process costs before it does anything: imports, help, the smallest conversions.

    python benchmarks/startup.py

Prints median CPU seconds of whole processes, what is above an interpreter that does nothing, and
peak memory. ``import dlgeom`` is to cost 0.12 s at most, numpy included where it is loaded. The
floor of a conversion of ten images is the script in `floors/` for the same file.
"""

from __future__ import annotations

import sys

from harness import (
    Table,
    coco_file,
    command_of,
    dlgeom,
    floor,
    in_turns,
    intro,
    parser,
    remove,
    target_of,
    wanted,
    workspace,
)

# The first loads nothing else: modules come when they are asked for, as by the second.
IMPORTS = ("import dlgeom", "from dlgeom import Annotation, Box")


def main() -> None:
    args = parser(__doc__, repeat=7).parse_args()
    intro(command_of(__file__), args.repeat, markdown=args.markdown)
    with workspace(args.work) as work:
        source, target = coco_file(work, 10), target_of(work, folder=True)
        voc = ("--to", "voc", "--task", "detect")
        commands = {
            "python, nothing imported": [sys.executable, "-c", "pass"],
            "import numpy": [sys.executable, "-c", "import numpy"],
            "import numpy, msgspec (the floors)": [sys.executable, "-c", "import numpy, msgspec"],
            **{name: [sys.executable, "-c", name] for name in IMPORTS},
            "dlgeom --version": [sys.executable, "-m", "dlgeom", "--version"],
            "dlgeom --help": [sys.executable, "-m", "dlgeom", "--help"],
            "dlgeom convert --help": [sys.executable, "-m", "dlgeom", "convert", "--help"],
            "floor, 10 images, coco-yolo": floor("coco_yolo_detect", source, target),
            "dlgeom, 10 images, coco-yolo": dlgeom(
                source, target, "--to", "yolo", "--task", "detect"
            ),
            "floor, 10 images, coco-voc": floor("coco_voc", source, target),
            "dlgeom, 10 images, coco-voc": dlgeom(source, target, *voc),
        }
        nothing = next(iter(commands))
        chosen = {k: v for k, v in commands.items() if k == nothing or wanted(k, args.only)}
        used = in_turns(chosen, args.repeat, before=lambda: remove(target))
    columns = ("process", "CPU s", "above python", "goal", "MB")
    table = Table(columns, markdown=args.markdown, first=38)
    for name, usage in used.items():
        above = usage.cpu - used[nothing].cpu
        goal = 0.12 if name in IMPORTS else None
        table.add(name, f"{usage.cpu:.3f}", f"{above:.3f}", goal, round(usage.peak))


if __name__ == "__main__":
    main()
