"""Images that come, go and get other names; classes under new names; other ways to a sidecar."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import dlgeom as dl
from dlgeom.cli.commands import program
from dlgeom.converters.sidecar import FOLDER_NAME


def coco(count: int = 4) -> dict[str, Any]:
    images = [
        {"id": 10 + k, "file_name": f"{k}.jpg", "width": 100, "height": 80, "note": [k]}
        for k in range(count)
    ]
    annotations = [
        {
            "id": 100 + n,
            "image_id": 10 + n % count,
            "category_id": 3 + n % 2,
            "bbox": [5 + 3 * n, 6, 20, 30.5],
            "area": n,
            "extra": {"n": n},
        }
        for n in range(2 * count)
    ]
    categories = [{"id": 4, "name": "dog", "x": 1}, {"id": 3, "name": "cat"}]
    return {"categories": categories, "images": images, "annotations": annotations, "z": 2**70}


@pytest.fixture
def there(tmp_path: Path) -> Path:
    (tmp_path / "in.json").write_text(json.dumps(coco()))
    dl.convert(tmp_path / "in.json", tmp_path / "t", to_format="yolo", sidecar=True)
    return tmp_path / "t"


def back(there: Path, **options: Any) -> dict[str, Any]:
    target = there.parent / "back.json"
    report = dl.convert(there, target, overwrite=True, on_error="skip", **options)
    assert not [code for _, code in report.codes if code.startswith("sidecar")]
    root: dict[str, Any] = json.loads(target.read_text())
    return root


def lines(place: Path) -> list[str]:
    return place.read_text().splitlines()


def test_an_image_that_was_removed_stays_away(there: Path) -> None:
    table = lines(there / "images.csv")
    (there / "images.csv").write_text("\n".join(r for r in table if "1.jpg" not in r) + "\n")
    (there / "labels/train/1.txt").unlink()
    expected = coco()
    del expected["images"][1]
    expected["annotations"] = [r for r in expected["annotations"] if r["image_id"] != 11]
    assert back(there) == expected


def test_an_image_under_a_new_name_keeps_its_fields(there: Path) -> None:
    table = (there / "images.csv").read_text().replace("2.txt,2.jpg", "new.txt,new.jpg")
    (there / "images.csv").write_text(table)
    (there / "labels/train/2.txt").rename(there / "labels/train/new.txt")
    expected = coco()
    expected["images"][2]["file_name"] = "new.jpg"
    found = back(there)
    assert found == expected


def test_a_new_image_is_new(there: Path) -> None:
    with open(there / "images.csv", "a", encoding="utf-8") as file:
        file.write("labels/train/more.txt,more.jpg,50,40,1\n")
    (there / "labels/train/more.txt").write_text("1 0.5 0.5 0.2 0.2\n")
    found, expected = back(there), coco()
    assert found["images"][:4] == expected["images"]
    assert found["annotations"][:8] == expected["annotations"]
    [image], [record] = found["images"][4:], found["annotations"][8:]
    assert (image["file_name"], image["width"], image["height"]) == ("more.jpg", 50, 40)
    assert image["id"] not in range(10, 14)
    assert record["image_id"] == image["id"]
    assert record["id"] not in range(100, 108)
    assert record["bbox"] == pytest.approx([20, 16, 10, 8])
    assert found["z"] == 2**70


def test_a_class_under_a_new_name_keeps_its_id(there: Path) -> None:
    place = there / "data.yaml"
    place.write_text(place.read_text().replace('"dog"', '"hound"'))
    expected = coco()
    expected["categories"][0]["name"] = "hound"
    assert back(there) == expected


def test_a_label_file_that_was_emptied(there: Path) -> None:
    (there / "labels/train/0.txt").write_text("")
    expected = coco()
    expected["annotations"] = [r for r in expected["annotations"] if r["image_id"] != 10]
    assert back(there) == expected


def test_all_label_files_by_another_program(there: Path) -> None:
    """Fewer digits are an edit: the boxes are those of the file, the rest is kept."""
    for place in (there / "labels/train").iterdir():
        rows = [
            [row.split()[0], *(f"{float(v):.4f}" for v in row.split()[1:])] for row in lines(place)
        ]
        place.write_text("".join(" ".join(row) + "\n" for row in rows))
    found, expected = back(there), coco()
    for mine, other in zip(found["annotations"], expected["annotations"], strict=True):
        assert mine["extra"] == other["extra"]
        assert mine["id"] == other["id"]
        assert mine["bbox"] == pytest.approx(other["bbox"], abs=0.02)


def test_the_other_spelling_of_numbers_is_no_edit(there: Path) -> None:
    for place in (there / "labels/train").iterdir():
        text = "".join(
            " ".join(str(float(v)) for v in row.split()[1:])
            and row.split()[0] + "  " + " ".join(repr(float(v)) for v in row.split()[1:]) + "\r\n"
            for row in lines(place)
        )
        place.write_text(text)
    assert back(there) == coco()


def test_another_target_gets_what_was_restored(there: Path, tmp_path: Path) -> None:
    dl.convert(there, tmp_path / "v", to_format="dataloop")
    dl.convert(tmp_path / "in.json", tmp_path / "w", to_format="dataloop")
    for place in (tmp_path / "w").rglob("*.json"):
        other = tmp_path / "v" / place.relative_to(tmp_path / "w")
        mine, theirs = json.loads(other.read_text()), json.loads(place.read_text())
        for root in (mine, theirs):
            root["metadata"]["user"].get("dlgeom", {}).pop("subset", None)
        assert mine == theirs


def test_a_target_that_is_replaced_has_no_old_sidecar(there: Path, tmp_path: Path) -> None:
    dl.convert(tmp_path / "in.json", there, to_format="yolo", overwrite=True)
    assert not (there / FOLDER_NAME).exists()


def test_one_file_has_its_sidecar_beside_it(there: Path, tmp_path: Path) -> None:
    target = tmp_path / "p.json"
    dl.convert(tmp_path / "in.json", tmp_path / "plat", to_format="dataloop")
    dl.convert(tmp_path / "plat", target, to_format="coco", sidecar=True)
    beside = tmp_path / "p.json.sidecar.zst"
    assert beside.is_file()
    target.unlink()
    with pytest.raises(dl.OutputError, match="exists"):
        dl.convert(tmp_path / "plat", target, to_format="coco", sidecar=True)
    assert not target.exists()


def test_the_class_file_stands_for_its_folder(there: Path, tmp_path: Path) -> None:
    dl.convert(there / "data.yaml", tmp_path / "b.json")
    assert json.loads((tmp_path / "b.json").read_text()) == coco()


def test_objects_in_memory_come_back(tmp_path: Path) -> None:
    item = dl.Item(name="a.jpg", width=64, height=48)
    box = dl.Box(1, 2, 30, 40, "cat", attributes={"n": 2**60})
    made = dl.Annotation(box, id="some id", creator="me")
    pair = (item, dl.AnnotationCollection(item, [made]))
    dl.Dataset.from_pairs([pair]).write(tmp_path / "t", format="yolo", sidecar=True)
    with dl.open_dataset(tmp_path / "t") as found:
        [(_, [one])] = list(found)
    assert (one.id, one.creator, one.attributes) == ("some id", "me", {"n": 2**60})


def test_on_the_command_line(there: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke
    made = run(
        program,
        [
            "convert",
            str(tmp_path / "in.json"),
            str(tmp_path / "c"),
            "--to",
            "voc",
            "--sidecar",
            "--quiet",
        ],
        standalone_mode=False,
    )
    assert made.exception is None
    assert (tmp_path / "c" / FOLDER_NAME).is_file()
    told = run(program, ["info", str(tmp_path / "c"), "--json"], standalone_mode=False)
    assert json.loads(told.output)["format"] == "coco"
    told = run(
        program, ["info", str(tmp_path / "c"), "--json", "--no-sidecar"], standalone_mode=False
    )
    assert json.loads(told.output)["format"] == "voc"


def test_the_same_bytes_each_time_and_with_workers(there: Path, tmp_path: Path) -> None:
    first = (there / FOLDER_NAME).read_bytes()
    dl.convert(tmp_path / "in.json", tmp_path / "u", to_format="yolo", sidecar=True, workers=2)
    assert (tmp_path / "u" / FOLDER_NAME).read_bytes() == first
    shutil.rmtree(tmp_path / "u")


def test_a_dry_run_writes_none(tmp_path: Path, there: Path) -> None:
    dl.convert(tmp_path / "in.json", tmp_path / "n", to_format="yolo", sidecar=True, dry_run=True)
    assert not (tmp_path / "n").exists()


def test_one_split_of_several(tmp_path: Path) -> None:
    (tmp_path / "in" / "annotations").mkdir(parents=True)
    for split in ("train", "val"):
        place = tmp_path / "in" / "annotations" / f"instances_{split}.json"
        place.write_text(json.dumps({**coco(), "split": split}))
    dl.convert(tmp_path / "in", tmp_path / "t", to_format="yolo", on_error="skip", sidecar=True)
    dl.convert(tmp_path / "t", tmp_path / "all", to_format="coco", on_error="skip")
    dl.convert(tmp_path / "t", tmp_path / "one", to_format="coco", on_error="skip", subsets=["val"])
    assert sorted(p.name for p in (tmp_path / "all").rglob("*.json")) == [
        "instances_train.json",
        "instances_val.json",
    ]
    [only] = (tmp_path / "one").rglob("*.json")
    assert json.loads(only.read_text()) == {**coco(), "split": "val"}
