"""The four exact ways back on all shared real data."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

import dlgeom as dl

COCO = [
    "coco_mini/captions_val2017.json",
    "coco_mini/instances_train2017.json",
    "coco_mini/instances_val2017.json",
    "coco_mini/person_keypoints_train2017.json",
    "coco_mini/person_keypoints_val2017.json",
    "keypoints_2213/person_keypoints_val2017.json.gz",
    "person_1045/instances_val2017.json.gz",
    "taco/annotations.json.gz",
    "lvis_val_100/lvis_val_100.json",
    "results/captions_val2014_fakecap_results.json",
    "results/instances_val2014_fakesegm100_results.json",
    "voc100_coco/coco_format_v1",
    "voc100_coco/coco_format_v2",
    "roboflow_small/instances_test2017.json",
    "roboflow_small/instances_val2017.json",
    "labelme_coco/annotations.json",
    "retinanet/instances_train2017.json",
    "mmpose/test_coco.json",
    "mmpose/test_coco_wholebody.json",
    "mmpose/test_crowdpose.json",
    "mmpose/test_animalpose.json",
    "mmpose/test_aic.json",
    "datumaro/coco_instances",
    "datumaro/coco_person_keypoints",
]
PLATFORM = ["platform/image", "platform/video/cache_trim_cropped_obj1.json", "video/platform"]
LARGE = {"keypoints_2213", "person_1045", "taco"}


def roots(path: Path) -> list[Any]:
    """Return the JSON of a file, or of all files of a folder in order."""
    files = [path] if path.is_file() else sorted(path.rglob("*.json*"))
    return [
        json.loads(gzip.open(file).read() if file.suffix == ".gz" else file.read_bytes())
        for file in files
    ]


def small(source: Path, folder: Path) -> Path:
    """Write the first images of a large file with their records, all else as it is."""
    [root] = roots(source)
    root["images"] = root["images"][:120]
    known = {image["id"] for image in root["images"]}
    root["annotations"] = [r for r in root["annotations"] if r["image_id"] in known]
    (folder / "in.json").write_text(json.dumps(root))
    return folder / "in.json"


@pytest.mark.parametrize("to", ["yolo", "voc"])
@pytest.mark.parametrize("name", COCO)
def test_coco_comes_back(shared_data: Path, tmp_path: Path, name: str, to: str) -> None:
    source = shared_data / "coco" / name
    if name.split("/")[0] in LARGE:
        source = small(source, tmp_path)
    dl.convert(source, tmp_path / "there", to_format=to, on_error="skip", sidecar=True)
    folder = source.is_dir()
    back, straight = (tmp_path / (n if folder else f"{n}.json") for n in ("back", "straight"))
    report = dl.convert(tmp_path / "there", back, to_format="coco", on_error="skip")
    dl.convert(source, straight, to_format="coco", on_error="skip")
    found, expected = roots(back), roots(straight)
    assert [json.dumps(root) for root in found] == [json.dumps(root) for root in expected]
    if "person_1045" not in name and "taco" not in name and not folder:
        # Nothing was mended, or added for pycocotools: the values are those of the source.
        assert found == roots(source) or "results" in name
    assert not [code for _, code in report.codes if code.startswith("sidecar")]


@pytest.mark.parametrize(("to", "there"), [("yolo", "there"), ("coco", "there.json"), ("voc", "t")])
@pytest.mark.parametrize("name", PLATFORM)
def test_the_platform_comes_back(
    shared_data: Path, tmp_path: Path, name: str, to: str, there: str
) -> None:
    source = shared_data / name
    options: dict[str, Any] = {"from_format": "dataloop", "on_error": "skip"}
    dl.convert(source, tmp_path / there, to_format=to, sidecar=True, **options)
    dl.convert(tmp_path / there, tmp_path / "back", to_format="dataloop", on_error="skip")
    dl.convert(source, tmp_path / "straight", to_format="dataloop", **options)
    found, expected = roots(tmp_path / "back"), roots(tmp_path / "straight")
    assert found == expected
    if source.is_file():
        assert found == roots(source)


def test_an_edited_frame_keeps_its_video_as_images(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "platform/video/cache_trim_cropped_obj1.json"
    dl.convert(source, tmp_path / "t", to_format="yolo", on_error="skip", sidecar=True)
    file = sorted((tmp_path / "t" / "labels").rglob("*.txt"))[3]
    count = len(list((tmp_path / "t" / "labels").rglob("*.txt")))
    file.write_text("")
    report = dl.convert(tmp_path / "t", tmp_path / "back", to_format="dataloop", on_error="skip")
    assert ("notice", "sidecar.video") in report.codes
    assert report.images == count
