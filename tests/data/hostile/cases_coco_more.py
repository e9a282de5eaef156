"""Hostile COCO files of the other tasks: keypoints, captions, panoptic, results, rotated boxes."""

from __future__ import annotations

from typing import Any

from bits import (
    ACCEPT,
    ERROR,
    HEIGHT,
    IMAGE,
    PICTURE,
    WARN,
    WIDTH,
    add,
    coco,
    header_only,
    png,
    record,
    text,
)

# -- keypoints ----------------------------------------------------------------------------
PERSON = [{"id": 1, "name": "apple", "keypoints": ["stem", "top"], "skeleton": [[1, 2]]}]
NAN = float("nan")


def points(
    name: str,
    what: str,
    code: str | None,
    left: int = 1,
    categories: Any = None,
    notice: bool = False,
    **changes: Any,
) -> None:
    good = record(1, keypoints=[4, 7, 2, 9, 9, 1], num_keypoints=2)
    second = record(2, **{"keypoints": [16, 7, 2, 20, 9, 2], "num_keypoints": 2, **changes})
    value = coco([good, second], categories=categories or PERSON)
    files = {"annotations/person_keypoints_train.json": text(value), f"images/{PICTURE}": IMAGE}
    like = "coco-points-good" if left == 1 else None
    outcome = WARN if code and not notice else ACCEPT
    add(
        f"coco-points-{name}",
        what,
        files,
        outcome,
        code,
        left,
        like=like,
        options=["--task", "pose"],
    )


add(
    "coco-points-good",
    "the good pose that the others are measured by",
    {
        "annotations/person_keypoints_train.json": text(
            coco([record(1, keypoints=[4, 7, 2, 9, 9, 1], num_keypoints=2)], categories=PERSON)
        ),
        f"images/{PICTURE}": IMAGE,
    },
    ACCEPT,
    None,
    1,
    options=["--task", "pose"],
)
points(
    "nan", "a NaN among the points", "number.not_finite", left=2, keypoints=[16, NAN, 2, 20, 9, 2]
)
points("null", "null among the points", "type.number", left=2, keypoints=[16, None, 2, 20, 9, 2])
points(
    "text",
    "texts among the points",
    "type.number",
    left=2,
    keypoints=["16", "7", "2", "20", "9", "2"],
)
points("nested", "points as lists", "keypoints.arity", left=2, keypoints=[[16, 7, 2], [20, 9, 2]])
points("map", "points as an object", "schema.type", left=2, keypoints={"stem": [16, 7, 2]})
points(
    "four", "four numbers where six are due", "keypoints.arity", left=2, keypoints=[16, 7, 2, 20]
)
points(
    "nine",
    "nine numbers where six are due",
    "keypoints.arity",
    left=2,
    keypoints=[16, 7, 2, 20, 9, 2, 1, 1, 1],
)
points("visibility-3", "a visibility of 3", "value.range", left=2, keypoints=[16, 7, 3, 20, 9, 2])
points(
    "visibility-half",
    "a visibility of 0.5",
    "value.range",
    left=2,
    keypoints=[16, 7, 0.5, 20, 9, 2],
)
points("1e9", "a point at 1e9", "number.range", left=2, keypoints=[1e9, 7, 2, 20, 9, 2])
points("count-lies", "num_keypoints is wrong", None, left=2, num_keypoints=17)
points("zero", "all points unlabelled", None, left=2, keypoints=[0] * 6, num_keypoints=0)
points("outside", "a point outside of the image", None, left=2, keypoints=[160, 7, 2, 20, 9, 2])
points(
    "skeleton-out",
    "a skeleton that names a point that is not there",
    "value.range",
    notice=True,
    left=2,
    categories=[{**PERSON[0], "skeleton": [[1, 9], [0, 1]]}],
)
points(
    "skeleton-text",
    "a skeleton that is a text",
    "schema.type",
    left=2,
    categories=[{**PERSON[0], "skeleton": "1-2"}],
)
points(
    "names-number",
    "a name of a point that is a number",
    "type.text",
    left=2,
    categories=[{**PERSON[0], "keypoints": ["stem", 2]}],
)
points(
    "names-same",
    "two points of one name",
    None,
    left=2,
    categories=[{**PERSON[0], "keypoints": ["stem", "stem"]}],
)


# -- captions -----------------------------------------------------------------------------
def captions(name: str, what: str, code: str | None, left: int, *records: Any) -> None:
    value = coco(list(records), categories=...)
    files = {"annotations/captions_train.json": text(value), f"images/{PICTURE}": IMAGE}
    outcome = WARN if code else ACCEPT
    add(f"coco-captions-{name}", what, files, outcome, code, left, to="dataloop")


GOOD = {"id": 1, "image_id": 1, "caption": "an apple"}
captions("good", "a caption", None, 1, GOOD)
captions(
    "number", "a caption that is a number", "type.text", 1, GOOD, {**GOOD, "id": 2, "caption": 5}
)
captions(
    "null", "a caption that is null", "schema.field", 1, GOOD, {**GOOD, "id": 2, "caption": None}
)
captions("missing", "no caption", "schema.field", 1, GOOD, {"id": 2, "image_id": 1})
captions(
    "200k",
    "a caption of 200,000 letters: no name, no label",
    None,
    2,
    GOOD,
    {**GOOD, "id": 2, "caption": "a" * 200_000},
)
captions(
    "control",
    "control characters in a caption",
    None,
    2,
    GOOD,
    {**GOOD, "id": 2, "caption": "a\x00\x1b[2J"},
)
captions(
    "markup",
    "markup and quotes in a caption",
    None,
    2,
    GOOD,
    {**GOOD, "id": 2, "caption": "<script>\"']]>&amp;"},
)
captions(
    "image",
    "a caption of an image that is not there",
    "ref.image",
    1,
    GOOD,
    {**GOOD, "id": 2, "image_id": 7},
)

# -- panoptic -----------------------------------------------------------------------------


def ids(value: int, left: int = 5, right: int = 15) -> bytes:
    """Return a picture of ids: one segment on nothing."""
    colour = bytes([value & 255, value >> 8 & 255, value >> 16 & 255])
    row = bytes(3 * left) + colour * (right - left) + bytes(3 * (WIDTH - right))
    return png([row if 4 <= y < 12 else bytes(3 * WIDTH) for y in range(HEIGHT)], kind=2)


SEGMENT = {"id": 70_000, "category_id": 1, "area": 80, "bbox": [5, 4, 10, 8], "iscrowd": 0}
THINGS = [{"id": 1, "name": "apple", "isthing": 1}, {"id": 2, "name": "pear", "isthing": 0}]


def panoptic(
    name: str,
    what: str,
    expected: str,
    code: str | None,
    left: int | None = None,
    picture: bytes | None = None,
    segments: Any = None,
    shown: Any = "p.png",
    more: dict[str, Any] | None = None,
) -> None:
    entry = {
        "image_id": 1,
        "file_name": shown,
        "segments_info": [SEGMENT] if segments is None else segments,
        **(more or {}),
    }
    files = {
        "annotations/panoptic_train.json": text(coco([entry], categories=THINGS)),
        f"images/{PICTURE}": IMAGE,
    }
    if picture != b"absent":
        files["annotations/panoptic_train/p.png"] = ids(70_000) if picture is None else picture
    add(f"coco-panoptic-{name}", what, files, expected, code, left)


panoptic("good", "one segment", ACCEPT, None, 1)
panoptic("picture-missing", "no picture of ids", ERROR, "image.unreadable", picture=b"absent")
panoptic("picture-empty", "a picture of no byte", ERROR, "file.empty", picture=b"")
panoptic(
    "picture-text", "a picture of text", ERROR, "image.format", picture=b"%!PS-Adobe-3.0 EPSF-3.0\n"
)
panoptic(
    "picture-bomb",
    "a header of 65,000 x 65,000",
    ERROR,
    "limit.pixels",
    picture=header_only(65_000, 65_000, 2),
)
panoptic(
    "picture-small",
    "a picture of another size",
    ERROR,
    "image.size_disagrees",
    picture=png(size=(8, 8), kind=2),
)
panoptic("picture-grey", "a grey picture", ERROR, "image.mode", None, picture=png())
panoptic(
    "picture-cut", "a picture that is cut", ERROR, "image.unreadable", picture=ids(70_000)[:500]
)
panoptic(
    "name-up",
    "a name of a picture that climbs out",
    ERROR,
    "path.escape",
    shown="../../../etc/passwd.png",
)
panoptic(
    "name-null", "a name of a picture that is null: that of the image", ACCEPT, None, 1, shown=None
)
panoptic(
    "segment-absent",
    "a segment without a pixel",
    WARN,
    "mask.empty",
    1,
    segments=[SEGMENT, {**SEGMENT, "id": 9}],
)
panoptic(
    "segment-unknown",
    "pixels of an id that no segment has",
    WARN,
    "geometry.disagree",
    0,
    segments=[],
)
panoptic(
    "segment-category",
    "a segment of a class that is not there",
    WARN,
    "ref.category",
    0,
    segments=[{**SEGMENT, "category_id": 7}],
)
panoptic(
    "segment-id-text",
    "an id that is a text",
    WARN,
    "type.id",
    0,
    segments=[{**SEGMENT, "id": "70000"}],
)
panoptic(
    "segment-id-2e24",
    "an id beyond three bytes",
    WARN,
    "number.range",
    0,
    segments=[{**SEGMENT, "id": 2**24 + 70_000}],
)
panoptic(
    "segment-id-zero",
    "the id 0, which is nothing",
    WARN,
    "number.range",
    1,
    segments=[SEGMENT, {**SEGMENT, "id": 0}],
)
panoptic(
    "segment-twice", "a segment twice", WARN, "ref.duplicate_id", None, segments=[SEGMENT, SEGMENT]
)
panoptic(
    "segment-null", "null among the segments", WARN, "schema.type", 1, segments=[SEGMENT, None]
)
panoptic(
    "segments-map", "segments as an object", WARN, "schema.field", 0, segments={"70000": SEGMENT}
)
panoptic(
    "segment-box",
    "a box that is not the segment's",
    WARN,
    "geometry.disagree",
    1,
    segments=[{**SEGMENT, "bbox": [30, 20, 5, 5]}],
)
panoptic("image", "an image that is not there", WARN, "ref.image", None, more={"image_id": 8})

# -- results ------------------------------------------------------------------------------


def results(
    name: str,
    what: str,
    expected: str,
    code: str | None,
    left: int | None,
    *records: Any,
    raw: bytes | None = None,
) -> None:
    files = {
        "annotations.json": text(coco()),
        "results.json": text(list(records)) if raw is None else raw,
        f"images/{PICTURE}": IMAGE,
    }
    add(
        f"coco-results-{name}",
        what,
        files,
        expected,
        code,
        left,
        to="dataloop",
        source="results.json",
        options=["--ground-truth", "INPUT/annotations.json"],
    )


HIT = {"image_id": 1, "category_id": 1, "bbox": [3, 6, 9, 8], "score": 0.5}
results("good", "a detection", ACCEPT, None, 1, HIT)
results("empty", "an empty list", ERROR, "schema.root", None, raw=b"[]")
results("score-nan", "a score of NaN", WARN, "number.not_finite", 1, HIT, {**HIT, "score": NAN})
results("score-two", "a score of 2", ACCEPT, None, 2, HIT, {**HIT, "score": 2})
results(
    "score-text", "a score that is a text", WARN, "type.number", 1, HIT, {**HIT, "score": "0.5"}
)
results(
    "score-missing",
    "no score",
    ACCEPT,
    None,
    2,
    HIT,
    {k: v for k, v in HIT.items() if k != "score"},
)
results("image", "a detection in no image", WARN, "ref.image", 1, HIT, {**HIT, "image_id": 5})
results(
    "category", "a detection of no class", WARN, "ref.category", 1, HIT, {**HIT, "category_id": 5}
)
results(
    "runs",
    "a mask that is too short",
    WARN,
    "rle.invalid",
    1,
    HIT,
    {**HIT, "segmentation": {"size": [HEIGHT, WIDTH], "counts": [5]}},
)
results("number", "a number among the detections", WARN, "schema.type", 1, HIT, 7)
results("cut", "a list that is cut", ERROR, "json.syntax", None, raw=text([HIT, HIT])[:-20])

# -- rotated boxes ------------------------------------------------------------------------


def rotated(name: str, what: str, code: str | None, left: int, box: Any) -> None:
    good = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [12, 12, 8, 4, 30]}
    value = coco([good, {**good, "id": 2, "bbox": box}])
    files = {"annotations/instances_train.json": text(value), f"images/{PICTURE}": IMAGE}
    add(
        f"coco-rotated-{name}",
        what,
        files,
        WARN if code else ACCEPT,
        code,
        left,
        options=["--task", "obb"],
    )


rotated("good", "a rotated box", None, 2, [22, 12, 8, 4, -10])
rotated("angle-nan", "an angle of NaN", "number.not_finite", 1, [22, 12, 8, 4, NAN])
rotated("angle-1e300", "an angle of 1e300", None, 2, [22, 12, 8, 4, 1e300])
rotated("size-minus", "a negative width", "geometry.bbox_size", 1, [22, 12, -8, 4, 10])
