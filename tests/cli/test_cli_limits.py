"""Each limit: what is just below passes, what is above fails, and ``--limit`` raises it."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image

from dlgeom.cli.run import run
from dlgeom.limits import Limits

Make = Callable[[Path, int], Sequence[str]]


class Case(NamedTuple):
    """A limit, and how to make a source that needs `amount` of it.

    Parameters
    ----------
    make : callable
        Makes the source in a folder and returns the arguments behind ``convert``.
    amount : int
        How much of it is asked for.
    record : bool
        Whether a record is refused, and not the file.
    """

    name: str
    make: Make
    amount: int
    record: bool = False
    code: str = ""


def _coco(
    root: Path,
    *,
    image: dict[str, Any] | None = None,
    annotation: dict[str, Any] | None = None,
    category: str = "cat",
    more: str = "",
    to: Sequence[str] = ("out", "--to", "yolo"),
) -> Sequence[str]:
    """Write a COCO file of one image, two annotations and what is to be tried."""
    good = {"image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4], "area": 16, "iscrowd": 0}
    text = json.dumps(
        {
            "images": [{"id": 1, "file_name": "a.png", "width": 99, "height": 99, **(image or {})}],
            "annotations": [{"id": 1, **good}, {"id": 2, **good, **(annotation or {})}],
            "categories": [{"id": 1, "name": category}],
        }
    )
    (root / "x.json").write_text(text[:-1] + more + "}")
    return [str(root / "x.json"), str(root / to[0]), *to[1:]]


def _file_bytes(root: Path, amount: int) -> Sequence[str]:
    arguments = _coco(root, more=', "note": ""')
    text = (root / "x.json").read_text()
    (root / "x.json").write_text(text.replace('""', f'"{"x" * (amount - len(text))}"'))
    assert (root / "x.json").stat().st_size == amount
    return arguments


def _yolo(root: Path, rows: str, classes: str = "names: [cat]\n") -> Sequence[str]:
    for name in ("a", "b"):
        (root / "set" / "images" / "train").mkdir(parents=True, exist_ok=True)
        (root / "set" / "labels" / "train").mkdir(parents=True, exist_ok=True)
        Image.new("L", (64, 64)).save(root / "set" / "images" / "train" / f"{name}.png")
        (root / "set" / "labels" / "train" / f"{name}.txt").write_text(
            rows if name == "b" else "0 0.5 0.5 0.25 0.25\n"
        )
    (root / "set" / "data.yaml").write_text(f"train: images/train\nval: images/train\n{classes}")
    return [str(root / "set"), str(root / "out.json")]


def _label_bytes(root: Path, amount: int) -> Sequence[str]:
    row = "0 0.5 0.5 0.25 0.25"
    return _yolo(root, row + " " * (amount - len(row) - 1) + "\n")


def _yaml_bytes(root: Path, amount: int) -> Sequence[str]:
    arguments = _yolo(root, "")
    text = (root / "set" / "data.yaml").read_text()
    (root / "set" / "data.yaml").write_text(text + "#" * (amount - len(text)))
    return arguments


def _yaml_aliases(root: Path, amount: int) -> Sequence[str]:
    extra = "".join(f"more{k}: *n\n" for k in range(amount))
    return _yolo(root, "", f"names: &n [cat]\n{extra}")


def _depth(root: Path, amount: int) -> Sequence[str]:
    inner = "[" * (amount - 1) + "]" * (amount - 1)  # in the root, which is a level itself
    return _coco(root, more=f', "more": {inner}', to=("out.json",))


def _text(root: Path, amount: int) -> Sequence[str]:
    return _coco(root, category="c" * amount)


def _cue_text(root: Path, amount: int) -> Sequence[str]:
    (root / "x.vtt").write_text(
        f"WEBVTT\n\n00:01.000 --> 00:02.000\ngood\n\n00:03.000 --> 00:04.000\n{'w' * amount}\n"
    )
    return [str(root / "x.vtt"), str(root / "out.vtt")]


def _path_component(root: Path, amount: int) -> Sequence[str]:
    return _coco(root, image={"file_name": "d/" + "n" * (amount - 4) + ".png"})


def _path(root: Path, amount: int) -> Sequence[str]:
    return _coco(root, image={"file_name": "d/" * ((amount - 6) // 2) + "ab.png"[-6:]})


def _mask(side: int) -> dict[str, Any]:
    counts = [1, 6, side * side - 7]
    return {"size": [side, side], "counts": counts}


def _pixels(root: Path, amount: int) -> Sequence[str]:
    side = int(amount**0.5)
    size = {"width": side, "height": side}
    to = ("out", "--to", "voc", "--task", "segment")
    return _coco(root, image=size, annotation={"segmentation": _mask(side)}, to=to)


def _picture_pixels(root: Path, amount: int) -> Sequence[str]:
    arguments = _yolo(root, "0 0.5 0.5 0.25 0.25\n")
    side = int(amount**0.5)
    Image.new("L", (side, side)).save(root / "set" / "images" / "train" / "b.png")
    return arguments


def _rle_pixels(root: Path, amount: int) -> Sequence[str]:
    side = int(amount**0.5)
    size = {"width": side, "height": side}
    return _coco(
        root, image=size, annotation={"segmentation": _mask(side)}, to=("out", "--to", "coco")
    )


def _coordinate(root: Path, amount: int) -> Sequence[str]:
    size = {"width": 9_999, "height": 99}
    return _coco(root, image=size, annotation={"bbox": [amount - 4, 1, 4, 4]}, to=("out.json",))


def _outline(root: Path, amount: int) -> Sequence[str]:
    half = amount / 2
    ring = [0, 0, half, 0, half / 2, 1]  # there, and back in two steps
    return _coco(root, annotation={"segmentation": [ring]}, to=("out.json",))


def _ring(count: int) -> list[float]:
    return [value for k in range(count) for value in (1 + k % 40 + k / 1e4, 2 + (k * 7) % 31)]


def _ring_points(root: Path, amount: int) -> Sequence[str]:
    return _coco(root, annotation={"segmentation": [_ring(amount)]}, to=("out.json",))


def _points(root: Path, amount: int) -> Sequence[str]:
    rings = [_ring(amount // 2), _ring(amount - amount // 2)]
    return _coco(root, annotation={"segmentation": rings}, to=("out.json",))


def _frames(root: Path, amount: int) -> Sequence[str]:
    (root / "seq" / "gt").mkdir(parents=True)
    (root / "seq" / "seqinfo.ini").write_text(
        "[Sequence]\nname=seq\nframeRate=30\nseqLength=2000\nimWidth=64\nimHeight=64\nimExt=.jpg\n"
    )
    row = "{},{},1,1,4,4,1,1,1\n"
    text = row.format(1, 1) + row.format(2, 1) + row.format(1, 2) + row.format(amount, 2)
    (root / "seq" / "gt" / "gt.txt").write_text(text)
    return [str(root / "seq"), str(root / "out"), "--to", "dataloop"]


def _png_text(root: Path, amount: int) -> Sequence[str]:
    arguments = _coco(root, to=("voc", "--to", "voc", "--task", "segment"))
    polygon = {"segmentation": [[1, 1, 9, 1, 9, 9]]}
    arguments = _coco(root, annotation=polygon, to=("voc", "--to", "voc", "--task", "segment"))
    assert run(["convert", *arguments, "--quiet", "--overwrite"]) == 0
    path = root / "voc" / "SegmentationClass" / "a.png"
    data = path.read_bytes()
    body = b"Comment\0\0" + zlib.compress(b"t" * amount)
    chunk = b"zTXt" + body
    whole = struct.pack(">I", len(body)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    place = data.index(b"IDAT") - 4
    path.write_bytes(data[:place] + whole + data[place:])
    return [str(root / "voc"), str(root / "out"), "--to", "coco"]


def _zip(root: Path, files: dict[str, bytes]) -> Sequence[str]:
    _coco(root)
    with zipfile.ZipFile(root / "set.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(root / "x.json", "annotations/instances_train.json")
        for name, data in files.items():
            archive.writestr(name, data)
    return [str(root / "set.zip"), str(root / "out"), "--to", "yolo"]


def _zip_entries(root: Path, amount: int) -> Sequence[str]:
    return _zip(root, {f"more/{k}.txt": b"" for k in range(amount - 1)})


def _zip_bytes(root: Path, amount: int) -> Sequence[str]:
    _coco(root)
    size = (root / "x.json").stat().st_size
    arguments = _zip(root, {})
    text = (root / "x.json").read_bytes()
    with zipfile.ZipFile(root / "set.zip", "w") as archive:
        archive.writestr("annotations/instances_train.json", text + b" " * (amount - size))
    return arguments


CASES = [
    Case("file_bytes", _file_bytes, 2_000),
    Case("label_bytes", _label_bytes, 500),
    Case("yaml_bytes", _yaml_bytes, 500),
    Case("yaml_aliases", _yaml_aliases, 3),
    Case("depth", _depth, 12),
    Case("text", _text, 40),
    Case("cue_text", _cue_text, 40, record=True),
    Case("path_component", _path_component, 40),
    Case("path", _path, 60),
    Case("pixels", _picture_pixels, 90**2),
    Case("rle_pixels", _rle_pixels, 90**2, record=True),
    Case("coordinate", _coordinate, 500, record=True),
    Case("outline", _outline, 500, record=True),
    Case("ring_points", _ring_points, 40, record=True),
    Case("points", _points, 40, record=True),
    Case("frames", _frames, 40, record=True),
    Case("png_text", _png_text, 4_000),
    Case("zip_entries", _zip_entries, 5),
    Case("zip_bytes", _zip_bytes, 3_000),
]
IDS = [f"{case.name}-{number}" for number, case in enumerate(CASES)]


def test_each_limit_is_tried_here_or_there() -> None:
    elsewhere = {
        "workers_memory",  # tests/converters/parallel
        "zip_ratio",  # below
        "index_bytes",  # decides where an index lies, and refuses nothing
    }
    assert {case.name for case in CASES} | elsewhere >= set(Limits.__struct_fields__)


def test_a_mask_that_may_not_be_painted_says_why(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ["convert", *_pixels(tmp_path, 90**2), "--overwrite", "--strict", "--fail-on-loss"]
    assert run([*arguments, "--limit", "pixels=8099"]) == 1
    told = capfd.readouterr().out
    assert "approximated 1 limit.pixels" in told
    assert "--limit pixels=" in told
    run([*arguments, "--limit", "pixels=8100"])
    assert "limit.pixels" not in capfd.readouterr().out


def _convert(root: Path, case: Case, amount: int, limit: float, *more: str) -> int:
    root.mkdir()
    arguments = case.make(root, amount)
    return run(["convert", *arguments, "--limit", f"{case.name}={limit}", "--quiet", *more])


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_limit_lets_pass_what_is_just_below(case: Case, tmp_path: Path) -> None:
    for mode in ([], ["--strict"]):
        root = tmp_path / f"{len(mode)}"
        assert _convert(root, case, case.amount, case.amount, *mode) == 0


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_what_is_above_a_limit_is_refused(
    case: Case, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    above = case.amount + (2 * int(case.amount**0.5) + 1 if "pixels" in case.name else 2)
    capfd.readouterr()
    code = _convert(tmp_path / "strict", case, above, case.amount, "--strict")
    told = capfd.readouterr().err
    assert code == (3 if case.record and "[limit." not in told else 4), told
    assert told.count("\n") == 1
    if code == 4:
        # Which limit, the value that it has, and the option that raises it.
        assert case.name in told
        assert "--limit" in told or f"{case.name}=" in told, told
    report = str(tmp_path / "report.json")
    code = _convert(tmp_path / "lenient", case, above, case.amount, "--report", report)
    if case.record:
        assert code == 1
        found = json.loads(Path(report).read_text())
        assert found["skipped"] == 1, found["codes"]
    else:
        assert code in (1, 4)
    assert _convert(tmp_path / "raised", case, above, above, "--strict") == 0
