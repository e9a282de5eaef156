"""The same conversions by other tools, where they are installed, in one interleaved run.

    python benchmarks/peers.py                                # 5,000 images; about three minutes
    python benchmarks/peers.py --size train --repeat 1        # labelformat needs 3 GB
    python benchmarks/peers.py --python venv/bin/python       # peers in another environment

Peers: labelformat by its own command; globox and datumaro by the few lines of their API that do
it. What is not installed, or cannot do a conversion, is left out and said below the table.
The peers' figures are of their own processes, start-up included, as are those of the floor and of
dlgeom. Where a peer needs it the source is laid out as it wants it: images of the right size for
YOLO sources (all read their headers then, so that there is no floor), no crowds for labelformat's
segmentation. Outputs
differ in what they keep: globox keeps boxes alone, datumaro rounds, none of them checks as much.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
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
    run,
    target_of,
    wanted,
    workspace,
)

PEERS = ("labelformat", "globox", "datumaro")
_GLOBOX = "import sys\nfrom globox import AnnotationSet as A\nsource, target = sys.argv[1:]\n"
_DATUMARO = "import sys\nfrom datumaro import Dataset as D\nsource, target = sys.argv[1:]\n"
_CLASSES = ",".join(f"class {k:02d}" for k in range(80))


class Work(NamedTuple):
    """A conversion: goals (times faster than the best peer), floor, options, the peers' ways.

    The goals are for train size and for val size; those of YOLO and VOC sources hold for both.

    A peer's way is the code to run, or for labelformat its options; {s} is the source, {t} the
    target.
    """

    name: str
    goals: tuple[float | None, float | None]
    floor: str
    source: str
    options: tuple[str, ...]
    peers: dict[str, str | tuple[str, ...]]


def labelformat(task: str, *options: str) -> tuple[str, ...]:
    start = "from labelformat.cli.cli import main; main()"
    return ("-c", start, "convert", "--task", task, *options)


_FROM_COCO = ("--input-format", "coco", "--input-file", "{s}")
_FROM_YOLO = ("--input-format", "yolov8", "--input-file", "{s}/data.yaml", "--input-split", "train")
_TO_YOLO = ("--output-format", "yolov8", "--output-file", "{t}/data.yaml")
_TO_COCO = ("--output-format", "coco", "--output-file", "{t}")
WORKS = (
    Work(
        "coco-yolo-detect",
        (6, 3.5),
        "coco_yolo_detect",
        "coco",
        ("--to", "yolo", "--task", "detect"),
        {
            "labelformat": labelformat("object-detection", *_FROM_COCO, *_TO_YOLO),
            # It refuses labels with blanks in YOLO files.
            "globox": f"{_GLOBOX}found = A.from_coco(source)\n"
            "names = {name: name.replace(' ', '_') for name in found._labels()}\n"
            "found.map_labels(names).save_yolo_v5(target)",
            "datumaro": f"{_DATUMARO}D.import_from(source + '.d', 'coco').export(target, 'yolo')",
        },
    ),
    Work(
        "coco-yolo-segment",
        (3.3, None),
        "coco_yolo_segment",
        "plain",
        ("--to", "yolo", "--task", "segment"),
        {"labelformat": labelformat("instance-segmentation", *_FROM_COCO, *_TO_YOLO)},
    ),
    Work(
        "coco-voc",
        (5, None),
        "coco_voc",
        "coco",
        ("--to", "voc", "--task", "detect"),
        {
            "labelformat": labelformat(
                "object-detection",
                *_FROM_COCO,
                "--output-format",
                "pascalvoc",
                "--output-folder",
                "{t}",
            ),
            "globox": f"{_GLOBOX}A.from_coco(source).save_pascal_voc(target)",
            "datumaro": f"{_DATUMARO}D.import_from(source + '.d', 'coco')"
            ".export(target, 'voc_detection')",
        },
    ),
    Work(
        "yolo-coco",
        (6, 6),
        "",
        "yolo",
        (),
        {
            "labelformat": labelformat("object-detection", *_FROM_YOLO, *_TO_COCO),
            "globox": f"{_GLOBOX}A.from_yolo_v5(source + '/labels/train', image_folder=source + "
            "'/images/train', image_extension='.png').save_coco(target, auto_ids=True)",
        },
    ),
    Work(
        "yolo-segment-coco",
        (5, 5),
        "",
        "yoloseg",
        (),
        {"labelformat": labelformat("instance-segmentation", *_FROM_YOLO, *_TO_COCO)},
    ),
    Work(
        "voc-coco",
        (2.5, 2.5),
        "voc_coco",
        "voc",
        (),
        {
            "labelformat": labelformat(
                "object-detection",
                "--input-format",
                "pascalvoc",
                "--input-folder",
                "{s}/Annotations",
                "--category-names",
                _CLASSES,
                *_TO_COCO,
            ),
            "globox": f"{_GLOBOX}A.from_pascal_voc(source + '/Annotations')"
            ".save_coco(target, auto_ids=True)",
        },
    ),
    Work(
        "coco-coco",
        (5, None),
        "",
        "coco",
        (),
        {
            "labelformat": labelformat("object-detection", *_FROM_COCO, *_TO_COCO),
            "datumaro": f"{_DATUMARO}D.import_from(source + '.d', 'coco')"
            ".export(target + '.d', 'coco_instances')",
        },
    ),
)


# ---------------------------------------------------------------- sources


def picture(path: Path, width: int, height: int) -> None:
    """Write a black picture of one bit a pixel: only its header is read."""

    def block(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = zlib.compress(bytes(height * (1 + (width + 7) // 8)))
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + block(b"IHDR", head) + block(b"IDAT", rows) + block(b"IEND", b"")
    )


def with_images(work: Path, kind: str, images: int) -> Path:
    """Return a YOLO data set with pictures, which the peers need for the sizes."""
    source = folder(work, kind, images)
    target = source.with_name(f"{source.name}-images")
    if not target.exists():
        code = (
            "import shutil, sys\nfrom pathlib import Path\nfrom peers import pictures\n"
            "pictures(Path(sys.argv[1]), Path(sys.argv[2]))"
        )
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
        command = [sys.executable, "-c", code, str(source), str(target)]
        subprocess.run(command, check=True, env=environment)
    return target


def pictures(source: Path, target: Path) -> None:
    """Copy a YOLO data set as split "train", with pictures of the sizes in its table."""
    labels, images = target / "labels/train", target / "images/train"
    labels.mkdir(parents=True)
    images.mkdir(parents=True)
    made: dict[tuple[int, int], Path] = {}
    for line in (source / "images.csv").read_text().splitlines()[1:]:
        name, _, width, height = line.split(",")[:4]
        size = int(width), int(height)
        label = source / name
        path = images / f"{label.stem}.png"
        if size in made:
            os.link(made[size], path)
        else:
            picture(path, *size)
            made[size] = path
        if label.exists():
            os.link(label, labels / label.name)
    names = "".join(f'  {k}: "class {k:02d}"\n' for k in range(80))
    (target / "data.yaml").write_text(f"path: .\ntrain: images/train\nnc: 80\nnames:\n{names}")


def without_crowds(work: Path, images: int) -> Path:
    """Return a COCO file without crowds: labelformat's segmentation ends at the first."""
    source = coco_file(work, images)
    target = source.with_name(f"plain-{source.name}")
    if not target.exists():
        code = (
            "import json, sys\nwith open(sys.argv[1], 'rb') as file: data = json.load(file)\n"
            "rows = data['annotations']\n"
            "data['annotations'] = [row for row in rows if not row['iscrowd']]\n"
            # Annotations before the categories, as the floor scripts want it.
            "data['categories'] = data.pop('categories')\n"
            "with open(sys.argv[2], 'w') as file: json.dump(data, file, separators=(',', ': '))"
        )
        run([sys.executable, "-c", code, str(source), str(target)])
    return target


def source_of(work: Path, item: Work, images: int) -> tuple[Path, int]:
    small = {"yoloseg": 5_000}.get(item.source, 20_000) if images >= VAL[0] else images
    if item.source == "plain":
        return without_crowds(work, images), images
    if item.source == "voc":
        return folder(work, "voc", small), small
    if item.source != "coco":
        return with_images(work, item.source, small), small
    path = coco_file(work, images)
    if "datumaro" in item.peers:
        # datumaro takes a folder of a certain layout.
        laid = Path(f"{path}.d")
        (laid / "annotations").mkdir(parents=True, exist_ok=True)
        (laid / "images").mkdir(exist_ok=True)
        link = laid / "annotations" / "instances_train.json"
        if not link.exists():
            os.link(path, link)
    return path, images


# ---------------------------------------------------------------- peers


def installed(python: str) -> dict[str, str]:
    """Return peer -> version, or why it is not measured."""
    code = (
        "import importlib, json, sys\nfrom importlib.metadata import version\nfound = {}\n"
        "for name in sys.argv[1:]:\n"
        "    try:\n        importlib.import_module(name)\n        found[name] = version(name)\n"
        "    except Exception as error:\n"
        "        found[name] = f'absent: {type(error).__name__}: {error}'\n"
        "print(json.dumps(found))"
    )
    done = subprocess.run([python, "-c", code, *PEERS], capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


def peer_command(python: str, way: str | tuple[str, ...], source: Path, target: Path) -> list[str]:
    if isinstance(way, str):
        return [python, "-c", way, str(source), str(target)]
    return [python, *(word.replace("{s}", str(source)).replace("{t}", str(target)) for word in way)]


def tried(
    command: list[str], before: Callable[[], None], target: Path, where: str, notes: list[str]
) -> bool:
    """Run a peer once; note why where it fails or writes nothing."""
    before()
    try:
        run(command, accept=(0,))
        if not (target.exists() or Path(f"{target}.d").exists()):
            raise SystemExit("it writes nothing")
    except SystemExit as error:
        last = str(error).strip().splitlines()[-1][:160]
        notes.append(f"{where}: left out, as it ended with: {last}")
        return False
    return True


def main() -> None:
    options = parser(__doc__, repeat=3)
    options.add_argument("--size", choices=["val", "train"], default="val")
    options.add_argument("--images", type=int, help="another number of images")
    options.add_argument("--python", default=sys.executable, help="interpreter that has the peers")
    args = options.parse_args()
    images = args.images or {"val": VAL, "train": TRAIN}[args.size][0]
    found = installed(args.python)
    notes = [f"{name} {text}" for name, text in found.items() if text.startswith("absent")]
    peers = {name: text for name, text in found.items() if not text.startswith("absent")}
    intro(command_of(__file__), args.repeat, markdown=args.markdown)
    print(f"Peers: {', '.join(f'{name} {text}' for name, text in peers.items()) or 'none'}.\n")
    columns = ("conversion, by", "images", "CPU s", "to dlgeom", "goal", "to floor", "MB")
    table = Table(columns, markdown=args.markdown, first=32)
    with workspace(args.work) as work:
        for item in WORKS:
            ways = {name: way for name, way in item.peers.items() if name in peers}
            if not ways or not wanted(item.name, args.only):
                continue
            source, count = source_of(work, item, images)
            target = target_of(work, folder=bool(item.options))
            sides = {"floor": floor(item.floor, source, target)} if item.floor else {}
            sides["dlgeom"] = dlgeom(source, target, *item.options)
            if source.name.endswith("-images"):
                # The data set as we write it: a table beside the labels tells the sizes.
                told = source.with_name(source.name.removesuffix("-images"))
                sides["dlgeom with its table of sizes"] = dlgeom(told, target, *item.options)

            def before(target: Path = target) -> None:
                remove(target, Path(f"{target}.d"))

            for name, way in ways.items():
                command = peer_command(args.python, way, source, target)
                where = f"{item.name}, {name}"
                if args.repeat == 1 or tried(command, before, target, where, notes):
                    sides[name] = command
            used = in_turns(sides, args.repeat, before=before)
            before()
            ours, least = used["dlgeom"], used.get("floor")
            goal = item.goals[args.size == "val"]
            best = min((u.cpu for name, u in used.items() if name in peers), default=0.0)
            for name, usage in used.items():
                table.add(
                    f"{item.name}, {name}",
                    count,
                    usage.cpu,
                    ratio(usage.cpu, ours.cpu),
                    goal if name in peers and usage.cpu == best else None,
                    least and ratio(usage.cpu, least.cpu),
                    round(usage.peak),
                )
    print()
    for note in notes:
        print(f"{'* ' if args.markdown else ''}{note}")


if __name__ == "__main__":
    main()
