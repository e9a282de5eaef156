"""Make the pictures of the gallery: every kind of definition in every way of drawing it.

    python docs/gallery/make_gallery.py                     # writes docs/gallery
    python docs/gallery/make_gallery.py --width 4000 FOLDER # the same, large, to look at

The street of the sample is the image; the shapes are drawn on it here. Ids are written as PNG with
a palette: pixels hold the ids themselves, the palette only shows them.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

import dlgeom as dl
from dlgeom import render
from dlgeom.rendering import render_dataset

HERE = Path(__file__).parent
SAMPLE = HERE.parents[1] / "dlgeom" / "sample" / "coco"
WIDTH = 200
SKELETON = ((0, 1), (1, 2), (1, 3), (1, 4), (4, 5), (4, 6))
NAMES = ("head", "neck", "left_hand", "right_hand", "hip", "left_foot", "right_foot")
SEGMENTS = (0x3CA0E6, 0xE68C28, 0x50B464)
"""Ids of segments, which a panoptic picture shows as colours."""
MODES = {
    "mask": "`show()`",
    "instance": "`render.instance_ids`",
    "object": "`render.object_ids`",
    "panoptic": "`render.panoptic(...).rgb`",
    "overlay": "`render.overlay`",
}


def street(width: int) -> np.ndarray:
    """Return the picture of the sample at a width."""
    picture = np.asarray(Image.open(SAMPLE / "images" / "street" / "0001.png").convert("RGB"))
    height, wide = picture.shape[:2]
    to = (width, width * height // wide)
    return dl.Affine.resize(to, size=(wide, height)).image(picture, interpolation="cubic")


def disc(x: float, y: float, radius: float, hole: float) -> dl.Segmentation:
    """Return the mask of a wheel in the picture of 200 x 150 pixels."""
    down, across = np.mgrid[0:150, 0:200] + 0.5
    far = np.hypot(across - x, down - y)
    return dl.Segmentation((far < radius) & (far > hole), "tyre")


def body(x: float, y: float, side: float) -> dl.Pose:
    """Return a figure; its right hand is hidden, its left foot is not labelled."""
    places = [(0, 0), (0, 14), (-18, 24), (18, 24), (0, 40), (0, 0), (12, 66)]
    points = [
        dl.Point(x + a * side, y + b * side, name, visibility=seen)
        for (a, b), name, seen in zip(places, NAMES, (2, 2, 2, 1, 2, 0, 2), strict=True)
    ]
    return dl.Pose("person", None, points=points, skeleton=SKELETON)


def scenes() -> dict[str, list[dl.Definition]]:
    """Return the shapes of each kind, in the picture of 200 x 150 pixels."""
    car = [[88, 76], [176, 76], [184, 122], [88, 122]]
    hole = [[98, 84], [120, 84], [120, 100], [98, 100]]
    lane = [[4, 146], [60, 128], [120, 136], [196, 112]]
    return {
        "box": [dl.Box(24, 72, 78, 127, "tyre"), dl.Box(60, 60, 184, 124, "car")],
        "rotated-box": [
            dl.Box(24, 84, 78, 116, "tyre", angle=-30),
            dl.Box(70, 66, 180, 116, "car", angle=12),
        ],
        "polygon": [
            dl.Polygon.from_parts([[np.array(car, float), np.array(hole, float)]], "car"),
            dl.Polygon([[20, 20], [70, 10], [90, 40], [50, 34], [30, 52]], "cloud"),
        ],
        "polyline": [dl.Polyline(lane, "lane"), dl.Polyline([[4, 104], [196, 100]], "kerb")],
        "segmentation": [disc(50, 100, 27, 9), disc(140, 60, 30, 18)],
        "ellipse": [
            dl.Ellipse(51, 99, 28, 28, 0, "tyre"),
            dl.Ellipse(130, 92, 60, 22, 15, "car"),
        ],
        "point": [dl.Point(50, 99, "hub"), dl.Point(180, 90, "light"), dl.Point(130, 52, "post")],
        "pose": [body(60, 40, 1.2), body(150, 62, 0.9)],
        "cube": [
            dl.Cube.from_boxes_and_angle(88, 78, 152, 124, 118, 58, 182, 104, "car"),
            dl.Cube.from_boxes_and_angle(20, 84, 60, 128, 34, 70, 72, 112, "crate"),
        ],
        "note": [
            dl.Note(86, 70, 188, 126, "unsure", messages=["A car or a van?"]),
        ],
        "classification": [dl.Classification("street", ["day", "dry"])],
        "subtitle": [dl.Subtitle("A car stands behind a post.", "speaker")],
        "text": [dl.Text("block", 0, 4, "word"), dl.FreeText("A quiet street")],
    }


def collection_of(shapes: list[dl.Definition], width: int) -> dl.AnnotationCollection:
    """Return shapes as annotations of the picture at a width."""
    item = dl.Item(name="street.png", width=WIDTH, height=WIDTH * 3 // 4)
    made = [
        dl.Annotation(
            shape, id=SEGMENTS[k - 1], object_id=str(40 * k), score=None if k == 1 else 0.87
        )
        for k, shape in enumerate(shapes, 1)
    ]
    collection = dl.AnnotationCollection(item, made)
    return collection if width == WIDTH else collection.resize((width, width * 3 // 4))


def with_palette(ids: np.ndarray) -> Image.Image:
    """Return ids of 0 to 255 as a picture whose pixels are these ids."""
    picture = Image.fromarray(ids.astype(np.uint8))
    picture.putpalette([0, 0, 0, *np.array(render.palette(255)).reshape(-1).tolist()])
    return picture


def pictures(width: int) -> Iterator[tuple[str, Image.Image]]:
    """Yield names and pictures of all kinds in all modes, and of a frame of a video."""
    image = street(width)
    for kind, shapes in scenes().items():
        collection = collection_of(shapes, width)
        yield f"{kind}-mask", Image.fromarray(collection.show())
        yield f"{kind}-instance", with_palette(render.instance_ids(collection))
        yield f"{kind}-object", with_palette(render.object_ids(collection))
        yield f"{kind}-panoptic", Image.fromarray(render.panoptic(collection).rgb)
        yield f"{kind}-overlay", Image.fromarray(render.overlay(image, collection))
    yield "video-frame", Image.fromarray(video_frame(width))


def video_frame(width: int) -> np.ndarray:
    """Return a frame in which two tracks draw the way that they came."""
    scale = width / WIDTH
    item = dl.Item(name="v.mp4", width=width, height=width * 3 // 4, media="video", fps=10)
    tracks = []
    for number, (label, start, step) in enumerate(
        [("car", (10, 70), (9, 2)), ("ball", (150, 8), (-11, 4))], 1
    ):
        track = dl.Annotation.new(item=item, object_id=number)
        for frame in range(11):
            x, y = (start[axis] + frame * step[axis] for axis in (0, 1))
            box = dl.Box(x, y, x + 46, y + 26, label).scale(scale)
            track.add_frame(box, frame)
        tracks.append(track)
    collection = dl.AnnotationCollection(item, tracks)
    return render.overlay(street(width), collection, frame_num=10, trail=10, color_by="object")


def sample_pictures(folder: Path) -> None:
    """Write the annotated pictures of the sample and their contact sheet."""
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "out"
        render_dataset(SAMPLE, out, sheet=True, legend=True)
        shutil.copy(out / "contact-sheet.png", folder / "contact-sheet.png")
        for name in ("street/0001", "park/0001"):
            found = next(out.rglob(f"{name}.png"))
            shutil.copy(found, folder / f"sample-{name.split('/')[0]}.png")


def page() -> str:
    """Return the page that shows the pictures."""
    lines = [
        "# Gallery",
        "",
        "Made by `python docs/gallery/make_gallery.py` from the sample that the package has;",
        "[drawing](../drawing.md) has all options. Pixels of instance and object pictures hold the",
        "ids themselves, shown by a palette. Classifications, subtitles and texts have no place in",
        "the image: they paint no pixel of masks and ids, and stand in the corner of overlays.",
        "",
        f"| | {' | '.join(MODES)} |",
        "| --- " * (len(MODES) + 1) + "|",
        f"| | {' | '.join(MODES.values())} |",
    ]
    for kind in scenes():
        cells = " | ".join(f"![{kind}, {mode}]({kind}-{mode}.png)" for mode in MODES)
        lines.append(f"| {kind} | {cells} |")
    lines += [
        "",
        'A frame of a video with the way of the last ten frames (`trail=10`, `color_by="object"`):',
        "",
        "![a frame of a video](video-frame.png)",
        "",
        "The sample by `dlgeom render --legend`, and its contact sheet (`--sheet`):",
        "",
        "![street](sample-street.png) ![park](sample-park.png)",
        "",
        "![contact sheet](contact-sheet.png)",
        "",
    ]
    return "\n".join(lines)


def make(folder: Path, width: int = WIDTH) -> None:
    """Write all pictures to a folder; the page and those of the sample at the usual width."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures(width):
        picture.save(folder / f"{name}.png", optimize=width == WIDTH)
    if width == WIDTH:
        sample_pictures(folder)
        (folder / "README.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=HERE)
    parser.add_argument("--width", type=int, default=WIDTH)
    given = parser.parse_args()
    if given.width != WIDTH and given.folder == HERE:
        parser.error("large pictures are only to look at; name another folder")
    make(given.folder, given.width)
