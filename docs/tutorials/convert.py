"""Converting: single annotations, files and data sets, with functions of your own."""

import json
import tempfile
from pathlib import Path

import dlgeom as dl

converter = dl.Converter()
item = dl.Item(name="picture.jpg", width=640, height=480)
builder = item.annotations.builder()
builder.add(dl.Box(left=160, top=120, right=480, bottom=360, label="cat"))
builder.add(dl.Polygon(geo=[[0, 0], [100, 0], [100, 100]], label="dog"))
builder.add(dl.Subtitle(text="no shape", label="words"))

# A collection to COCO: new records, and an error for each annotation that is missing.
records = converter.convert(builder, from_format="dataloop", to_format="coco", item=item)
assert records[0]["bbox"] == [160, 120, 320, 240]
assert records[1]["segmentation"] == [[0, 0, 100, 0, 100, 100]]
assert [(error.index, error.code) for error in records.errors] == [(2, "shape.text")]
assert builder[0].label == "cat"

# One annotation at a time.
assert converter.to_yolo(builder[0], item=item) == "0 0.500000 0.500000 0.500000 0.500000"
assert converter.to_voc(builder[0], item=item)["bndbox"] == {
    "xmin": 160,
    "ymin": 120,
    "xmax": 480,
    "ymax": 360,
}
back = converter.from_yolo("0 0.5 0.5 0.5 0.5", item=item, labels=["cat"])
assert back.annotation_definition == builder[0].annotation_definition
assert converter.from_coco(records[0], labels={1: "cat"}).label == "cat"


# A function of your own instead of the built-in step.
def short(annotation: dl.Annotation, item: dl.Item) -> str:
    """Say what is where."""
    return f"{annotation.label} at {annotation.left:g}"


assert converter.convert(builder[:2], "dataloop", "mine", conversion_func=short) == [
    "cat at 160",
    "dog at 0",
]

# Files, folders and data sets.
with tempfile.TemporaryDirectory() as place:
    folder = Path(place)
    dataset = dl.Dataset.from_pairs([(item, builder[:2])])
    for to_format in ("COCO", "YOLO", "VOC", "dataloop"):
        converter.convert_dataset(dataset, to_format, folder / to_format)
        counts = [len(annotations) for _, annotations in dl.open_dataset(folder / to_format)]
        assert counts == [2], to_format
    converter.convert_directory(
        folder / "dataloop", to_format="coco", from_format="dataloop", save_to=folder / "again"
    )
    (written,) = (folder / "again").rglob("*.json")
    assert len(json.loads(written.read_text())["annotations"]) == 2
    found, errors = converter.convert_file(
        to_format="coco",
        from_format="dataloop",
        file_path=next((folder / "dataloop" / "json").glob("*.json")),
        save_locally=True,
        save_to=folder / "one.json",
    )
    assert len(found) == 2
    assert errors == []

print("convert: all as expected")
