"""Bad YOLO input: refused, reported or survived, as the manifest of hostile files says."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from dlgeom.converters.base import ReadContext
from dlgeom.converters.problems import Problems
from dlgeom.converters.yolo.reader import open_reader, recognise
from dlgeom.errors import DlgeomError, FormatError, LimitError, OutputError
from dlgeom.limits import DEFAULT_LIMITS, Limits

YAML = "train: images/train\nnames: [cat, dog]\n"
BOX = "0 0.5 0.5 0.25 0.25\n"
SIZE = {"yolo_image_size": "64x48"}


def data_set(root: Path, **labels: str | bytes) -> Path:
    folder = root / "labels/train"
    folder.mkdir(parents=True)
    (root / "data.yaml").write_text(YAML)
    for name, text in labels.items():
        (folder / f"{name}.txt").write_bytes(text.encode() if isinstance(text, str) else text)
    return root


def read(
    path: Path, *, strict: bool = False, limits: Limits = DEFAULT_LIMITS, **context: Any
) -> tuple[int, Problems]:
    problems = Problems(strict=strict)
    reader = open_reader(path, ReadContext(problems=problems, limits=limits, **context))
    return sum(len(chunk) for chunk in reader.chunks(grouped=True)), problems


def codes(problems: Problems) -> list[tuple[str, str, str | None]]:
    return [(entry.status, entry.code, entry.path) for entry in problems.entries]


@pytest.mark.shared
@pytest.mark.parametrize("strict", [False, True], ids=["lenient", "strict"])
def test_hostile_files_do_what_the_manifest_says(
    shared_data: Path, tmp_path: Path, strict: bool
) -> None:
    folder = shared_data / "hostile"
    manifest = json.loads((folder / "manifest.json").read_bytes())
    cases = [case for case in manifest["cases"] if case["id"].startswith("yolo-")]
    assert len(cases) > 20
    for case in cases:
        root = tmp_path / case["id"]
        shutil.copytree((folder / case["file"]).parent, root)
        assert recognise(root) >= (0 if "tab" in case["id"] else 1), case["id"]
        expected = case["expected_strict" if strict else "expected"]
        if expected == "error":
            with pytest.raises(FormatError) as caught:
                read(root, strict=strict)
            assert caught.value.code == case["code"], case["id"]
            continue
        rows, problems = read(root, strict=strict)
        assert case["survivors"] in (None, rows), case["id"]
        told = {entry.code for entry in problems.entries}
        assert (case["code"] in told) if case["code"] else not told, case["id"]


def test_a_link_out_of_the_data_set_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("1 0.1 0.1 0.1 0.1\n")
    root = data_set(tmp_path / "set", a=BOX, c=BOX)
    (root / "labels/train/b.txt").symlink_to(tmp_path / "secret.txt")
    (root / "labels/train/d.txt").symlink_to(root / "labels/train/c.txt")
    with pytest.raises(FormatError):
        read(root, strict=True, options=SIZE)
    rows, problems = read(root, options=SIZE)
    assert rows == 3
    assert len(problems.entries) == 1


def test_an_image_that_is_a_link_out_costs_its_own_labels(tmp_path: Path) -> None:
    from PIL import Image

    root = data_set(tmp_path / "set", a=BOX, b=BOX)
    (root / "images/train").mkdir(parents=True)
    Image.new("L", (8, 8)).save(tmp_path / "secret.png")
    Image.new("L", (8, 8)).save(root / "images/train/a.png")
    (root / "images/train/b.png").symlink_to(tmp_path / "secret.png")
    rows, problems = read(root)
    assert rows == 1
    assert codes(problems) == [("file", "path.symlink", "images/train/b.png")]


def test_folders_that_are_links_out_are_not_entered(tmp_path: Path) -> None:
    outside = data_set(tmp_path / "outside", a=BOX)
    root = tmp_path / "set"
    root.mkdir()
    (root / "data.yaml").write_text(YAML)
    (root / "labels").symlink_to(outside / "labels")
    with pytest.raises(FormatError):
        read(root, options=SIZE)


def test_a_class_file_that_is_a_link_out_is_refused(tmp_path: Path) -> None:
    outside = data_set(tmp_path / "outside", a=BOX)
    root = tmp_path / "set"
    shutil.copytree(outside, root)
    (root / "data.yaml").unlink()
    (root / "data.yaml").symlink_to(outside / "data.yaml")
    with pytest.raises(FormatError) as caught:
        read(root, options=SIZE)
    assert caught.value.code == "path.symlink"


def test_a_pipe_among_the_labels_does_not_block(tmp_path: Path) -> None:
    root = data_set(tmp_path, a=BOX)
    os.mkfifo(root / "labels/train/p.txt")
    rows, problems = read(root, options=SIZE)
    assert rows == 1
    assert codes(problems) == [("file", "file.not_regular", "labels/train/p.txt")]


def test_a_pipe_in_place_of_a_class_file_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "data.yaml")
    os.mkfifo(tmp_path / "obj.data")
    assert recognise(tmp_path) == 0
    assert recognise(tmp_path / "data.yaml") == 0
    with pytest.raises(FormatError):
        read(tmp_path / "data.yaml")


def test_files_that_are_no_text_cost_themselves_only(tmp_path: Path) -> None:
    root = data_set(tmp_path, a=BOX, b=b"\x89PNG\r\n\x1a\n\xff", c=BOX)
    rows, problems = read(root, options=SIZE)
    assert rows == 2
    assert codes(problems) == [("file", "encoding.invalid", "labels/train/b.txt")]
    with pytest.raises(FormatError):
        read(root, options=SIZE, strict=True)


def test_a_label_file_has_a_limited_size(tmp_path: Path) -> None:
    root = data_set(tmp_path, a=BOX, b=BOX * 5_000)
    rows, problems = read(root, options=SIZE, limits=DEFAULT_LIMITS.replace(label_bytes=70_000))
    assert rows == 1
    assert codes(problems)[-1] == ("file", "limit.bytes", "labels/train/b.txt")


def test_large_label_files_are_read_whole(tmp_path: Path) -> None:
    many = "".join(f"0 0.5 0.5 0.25 {k / 10_000}\n" for k in range(1, 9_000))
    rows, problems = read(data_set(tmp_path, a=many, b=BOX), options=SIZE, strict=True)
    assert rows == 9_000
    assert problems.entries == []


def test_a_file_that_the_system_refuses_is_left_out_or_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = data_set(tmp_path, a=BOX, b=BOX)
    real = os.open

    def broken(path: Any, *rest: Any, **more: Any) -> int:
        if str(path).endswith("b.txt"):
            raise OSError(5, "Input/output error")
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "open", broken)
    rows, problems = read(root, options=SIZE)
    assert rows == 1
    assert codes(problems) == [("file", "io.read", "labels/train/b.txt")]
    with pytest.raises(OutputError, match=r"b\.txt"):
        read(root, options=SIZE, strict=True)


def test_points_beyond_the_limit_are_refused(tmp_path: Path) -> None:
    row = "0 " + " ".join(f"0.{k:04d} 0.{k * k % 9973:04d}" for k in range(500)) + "\n"
    root = data_set(tmp_path, a=BOX + row)
    rows, problems = read(root, options=SIZE, limits=DEFAULT_LIMITS.replace(ring_points=400))
    assert rows == 1
    assert [entry.code for entry in problems.entries] == ["limit.points"]
    with pytest.raises(LimitError):
        read(root, options=SIZE, strict=True, limits=DEFAULT_LIMITS.replace(ring_points=400))


@pytest.mark.parametrize("value", ["../../../", "..", "/", "\\..\\", "../../outside/x", "/etc"])
def test_splits_outside_of_the_data_set_are_refused(tmp_path: Path, value: str) -> None:
    data_set(tmp_path / "outside", a=BOX)
    (tmp_path / "outside/x").mkdir()
    root = data_set(tmp_path / "set", a=BOX)
    (root / "data.yaml").write_text(f"train: {value}\nnames: [cat]\n")
    with pytest.raises(FormatError) as caught:
        read(root, options=SIZE)
    assert caught.value.code == "path.escape"


def test_a_listed_image_that_is_nowhere_costs_itself_only(tmp_path: Path) -> None:
    root = data_set(tmp_path, a=BOX)
    (root / "data.yaml").write_text("train: [images/train/a.png, /etc/x.png]\nnames: [cat]\n")
    rows, problems = read(root) if False else read(root, options=SIZE)
    assert rows == 1
    assert problems.entries == []
    root = data_set(tmp_path / "more", a=BOX)
    (root / "data.yaml").write_text("train: [images/train/a.png, /etc/x.png]\nnames: [cat]\n")
    from PIL import Image

    (root / "images/train").mkdir(parents=True)
    Image.new("L", (8, 8)).save(root / "images/train/a.png")
    rows, problems = read(root)
    assert rows == 1
    assert codes(problems) == [("file", "ref.image", "etc/x.png")]


def test_lists_do_not_lead_out_of_the_data_set(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/x.txt").write_text(BOX)
    (tmp_path / "images/x.png").write_bytes(b"")
    root = data_set(tmp_path / "set", a=BOX)
    (root / "data.yaml").write_text("train: train.txt\nnames: [cat]\n")
    (root / "train.txt").write_text(
        f"../images/x.png\n{tmp_path}/images/x.png\nimages/train/a.png\n\0\n..\n"
    )
    rows, problems = read(root, options=SIZE)
    assert rows == 1
    assert all(entry.status == "file" for entry in problems.entries)
    assert "path.escape" in {entry.code for entry in problems.entries}


@pytest.mark.parametrize("name", ["nothing", "data.yaml", "x.yaml"])
def test_folders_without_anything_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    assert recognise(tmp_path) == 0
    with pytest.raises(DlgeomError):
        read(tmp_path)


def test_deep_folders_are_read_without_recursion_errors(tmp_path: Path) -> None:
    root = data_set(tmp_path, a=BOX)
    deep = root / "labels/train" / "/".join("d" * 1 for _ in range(40))
    deep.mkdir(parents=True)
    (deep / "z.txt").write_text(BOX)
    assert read(root, options=SIZE)[0] == 2


def test_a_link_to_the_folder_above_does_not_go_round(tmp_path: Path) -> None:
    root = data_set(tmp_path, a=BOX)
    (root / "labels/train/again").symlink_to(root / "labels")
    assert read(root, options=SIZE)[0] == 1
