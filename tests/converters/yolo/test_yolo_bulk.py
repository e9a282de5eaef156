"""The label files of a chunk written together are those that are written one by one."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import msgspec
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dlgeom import convert
from dlgeom.converters.yolo.write_files import Namer

NAMES = st.one_of(
    st.from_regex(r"[a-zA-Z0-9_]{1,3}\.(jpg|PNG|jpeg|txt)", fullmatch=True),
    st.sampled_from(["a.jpg", "A.jpg", "aux.jpg", "a b.jpg", "x/a.jpg", "é.png", "a.b.jpg", "n"]),
)


def _tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(NAMES, min_size=1, max_size=5, unique=True), st.integers(0, 5))
@example(["000000000001.jpg", "000000000002.jpg"], 2)
@example(["a.jpg", "A.jpg"], 2)
def test_plain_names_take_the_same_files(
    tmp_path_factory: object, names: list[str], rows: int
) -> None:
    folder = tmp_path_factory.mktemp("bulk")  # type: ignore[attr-defined]
    source = folder / "some.json"
    images = [
        {"id": k, "file_name": name, "width": 9 + k, "height": 7} for k, name in enumerate(names)
    ]
    boxes = [
        {"id": k, "image_id": k % len(names), "category_id": 1, "bbox": [1, 1, 2, 3 + k % 3]}
        for k in range(rows)
    ]
    content = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "a"}]}
    source.write_bytes(msgspec.json.encode(content))
    trees = []
    reports = []
    for way in ("together", "alone"):
        target = folder / way
        change = mock.patch.object(Namer, "plain_places", return_value=None)
        if way == "alone":
            change.start()
        try:
            report = convert(source, target, to_format="yolo", task="detect", on_error="skip")
        except ValueError as error:
            trees.append({"error": str(error).encode()})
        else:
            trees.append(_tree(target))
            reports.append([(key, kind.count) for key, kind in report.codes.items()])
        finally:
            if way == "alone":
                change.stop()
    assert trees[0] == trees[1]
    assert reports[:1] == reports[1:]
