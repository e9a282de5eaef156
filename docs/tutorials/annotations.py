"""Annotations: every definition, collections, parents, masks, polygons, boxes."""

import os
import tempfile

import numpy as np
from PIL import Image

import dlgeom as dl

item = dl.Item(name="picture.jpg", width=640, height=480)

# Every definition, added to a builder: an empty collection that is tied to the item.
builder = item.annotations.builder()
builder.add(annotation_definition=dl.Box(left=10, top=10, right=100, bottom=100, label="box"))
builder.add(dl.Box(left=10, top=10, right=100, bottom=100, label="turned", angle=80))
builder.add(dl.Point(x=80, y=80, label="point"))
builder.add(dl.Polygon(geo=[[20, 20], [200, 40], [120, 180]], label="polygon"))
builder.add(dl.Polyline(geo=[[20, 20], [200, 40], [120, 180]], label="polyline"))
builder.add(dl.Ellipse(x=200, y=150, rx=50, ry=30, angle=30, label="ellipse"))
builder.add(
    dl.Cube(
        label="cube",
        front_tl=[200, 200],
        front_tr=[250, 200],
        front_br=[250, 250],
        front_bl=[200, 250],
        back_tl=[220, 180],
        back_tr=[270, 180],
        back_br=[270, 230],
        back_bl=[220, 230],
    )
)
builder.add(
    dl.Cube.from_boxes_and_angle(
        front_left=100,
        front_top=100,
        front_right=150,
        front_bottom=150,
        back_left=120,
        back_top=90,
        back_right=170,
        back_bottom=140,
        label="from boxes",
        angle=10,
    )
)
builder.add(dl.Cube3d(label="3d", position=[1, 2, 3], scale=[4, 5, 6], rotation=[0, 0, 0.1]))
builder.add(dl.Classification(label="sunny", attributes={"sure": True}))
builder.add(dl.Description(text="A picture of shapes"))
builder.add(dl.Note(left=5, top=5, right=50, bottom=50, label="issue", messages=["Look here"]))
builder.add(dl.FreeText(text="an answer"))
builder.add(dl.Subtitle(text="hello", label="Ann"), start_time=1.0, end_time=2.5)

# A model's prediction, with its confidence.
builder.add(dl.Box(1, 2, 30, 40, label="cat"), model_info={"name": "detector", "confidence": 0.87})
assert builder[-1].score == 0.87

builder.print()
for annotation in builder:
    assert dl.Annotation.from_json(annotation.to_json(), item=item) == annotation

# A turned box: its bounds are those of the turned box.
turned = builder[1]
assert turned.angle == 80
assert turned.annotation_definition.bounds[0] < 3

# Parents: the points of a pose. A parent without an id gets one.
pose = dl.Annotation.new(item=item, annotation_definition=dl.Pose(label="person", template_id="t"))
builder.add(pose)
for name, (x, y) in {"nose": (100, 50), "left eye": (95, 45), "right eye": (105, 45)}.items():
    builder.add(dl.Point(x=x, y=y, label=name), parent_id=pose.id or pose)
assert {annotation.parent_id for annotation in builder[-3:]} == {pose.id}

# A mask with two separate things and a hole.
mask = np.zeros((480, 640), dtype=bool)
mask[50:150, 50:250] = True
mask[80:120, 100:160] = False
mask[300:360, 400:500] = True
segmentation = dl.Annotation.new(
    item=item, annotation_definition=dl.Segmentation(geo=mask, label="things")
)

boxes = segmentation.annotation_definition.to_box()
assert [(b.left, b.top, b.right, b.bottom) for b in boxes] == [
    (50, 50, 250, 150),
    (400, 300, 500, 360),
]

# Polygons from it: the largest, the two largest, all; with their holes.
largest = dl.Polygon.from_segmentation(mask=mask, label="things")
two = dl.Polygon.from_segmentation(mask=mask, label="things", max_instances=2)
every = dl.Polygon.from_segmentation(mask=mask, label="things", max_instances=None)
assert len(two) == len(every) == 2
assert largest == two[0]
assert len(largest.rings) == 2

# And back: the same pixels.
shape = (item.height, item.width)
again = np.zeros(shape, dtype=bool)
for polygon in every:
    again |= dl.Segmentation.from_polygon(geo=polygon.geo, label="things", shape=shape).to_mask()
assert np.array_equal(again, mask)

# A colour mask: one segmentation for each colour.
colors = np.zeros((480, 640, 3), dtype=np.uint8)
colors[10:60, 10:60] = (255, 0, 0)
colors[100:200, 100:300] = (0, 128, 0)
by_color = dl.AnnotationCollection.from_color_mask(
    colors, {"red": (255, 0, 0), "green": (0, 128, 0)}
)
assert {a.label: a.area for a in by_color} == {"red": 50 * 50, "green": 100 * 200}

# A mask of ids.
ids = np.zeros((480, 640), dtype=np.int32)
ids[0:10, 0:10] = 1
ids[20:30, 20:40] = 7
by_id = item.annotations.builder().from_instance_mask(ids, {"cat": 1, "dog": 7})
assert [a.label for a in by_id] == ["cat", "dog"]

# Pictures: all annotations, and each alone; what has no place in the picture leaves it empty.
drawn = builder.show()
assert drawn.shape == (480, 640, 4)
for annotation in builder:
    annotation.show()

# Drawn on the image, with the mask as its own mask.
image = Image.new("RGB", (item.width, item.height), (90, 90, 90))
mask = Image.fromarray(builder.show(width=640, height=480, thickness=3))
image.paste(mask, (0, 0), mask)
assert image.getpixel((639, 479)) == (90, 90, 90)

# An annotation of the platform's JSON, in a colour of its own.
annotation = dl.Annotation.from_json(builder[0].to_json())
red = annotation.show(width=640, height=480, thickness=3, color=(255, 0, 0))
assert red[10, 50].tolist() == [255, 0, 0, 255]

# Ids of labels, for training: filled, exact, and back to segmentations.
label_ids = {"box": 1, "polygon": 2, "$missing": 255}
ids = builder.show(
    annotation_format=dl.VIEW_ANNOTATION_OPTIONS_INSTANCE,
    thickness=-1,
    label_instance_dict=label_ids,
)
assert set(np.unique(ids).tolist()) <= {0, 1, 2, 255}

# An image with its annotations as a file.
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "picture.png")
    image.save(path)
    saved = builder.download(
        os.path.join(folder, "annotated.jpg"),
        img_filepath=path,
        annotation_format=dl.VIEW_ANNOTATION_OPTIONS_ANNOTATION_ON_IMAGE,
        with_text=True,
    )
    with Image.open(saved) as written:
        assert written.size == (640, 480)

print("annotations: all as expected")
