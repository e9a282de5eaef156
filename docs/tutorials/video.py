"""Videos: annotations over frames."""

import csv
import io

import numpy as np

import dlgeom as dl

item = dl.Item(name="clip.mp4", media="video", fps=25, frame_count=200, width=640, height=480)

# One annotation over a hundred frames.
annotation = dl.Annotation.new(item=item)
for frame in range(100):
    annotation.add_frame(
        annotation_definition=dl.Box(
            left=2 * frame,
            top=2 * frame + 10,
            right=2 * frame + 50,
            bottom=2 * frame + 100,
            label="moving box",
        ),
        frame_num=frame,
        fixed=True,
    )
for key in annotation.frames:
    assert annotation.frames[key].left == 2 * key
assert (annotation.start_frame, annotation.end_frame) == (0, 99)
assert annotation.end_time == 99 / 25

# Reading a frame changes nothing; showing another one is explicit.
assert annotation.set_frame(50)
assert annotation.left == 100
assert not annotation.set_frame(100)

# Ten things in each of a hundred frames: the same object id continues the same annotation.
builder = item.annotations.builder()
for frame in range(100):
    for thing in range(10):
        builder.add(
            annotation_definition=dl.Box(
                left=frame, top=10 * thing, right=frame + 30, bottom=10 * thing + 8, label="thing"
            ),
            frame_num=frame,
            object_id=thing + 1,
        )
assert len(builder) == 10
there = builder.get_frame(frame_num=55)
assert len(there) == 10
assert there[3].left == 55
assert builder[3].left == 0

# A frame as a picture.
frame = builder.get_frame(frame_num=55).show()
assert frame.shape == (480, 640, 4)
assert np.array_equal(frame, builder.show(frame_num=55))
assert frame[0:100, 55:86, 3].any()
assert not frame[:, :50].any()

# The same on a picture, with the way of each thing over the last 20 frames.
shown = dl.render.overlay(np.zeros((480, 640, 3)), builder, frame_num=55, trail=20)
assert shown[:100, 50:80].any()

# A table of boxes with a column that says whether the thing can be seen.
table = """frame,id,left,top,right,bottom,label,visible
0,1,10,10,50,50,car,1
5,1,20,10,60,50,car,0
9,1,30,10,70,50,car,1
"""
cars = item.annotations.builder()
for row in csv.DictReader(io.StringIO(table)):
    cars.add(
        dl.Box(
            left=float(row["left"]),
            top=float(row["top"]),
            right=float(row["right"]),
            bottom=float(row["bottom"]),
            label=row["label"],
        ),
        object_id=row["id"],
        frame_num=int(row["frame"]),
        object_visible=row["visible"] == "1",
    )
(car,) = cars
assert [car.frames[k].object_visible for k in (0, 4, 5, 8, 9)] == [True, True, False, False, True]

# A state over a range, both ends included.
car.add_frames(dl.Box(0, 0, 5, 5, label="parked car"), frame_num=20, end_frame_num=30)
assert car.frames[25].label == "parked car"
assert car.frames[15].left == 30
assert car.end_frame == 30

# The platform's JSON holds it all.
again = dl.AnnotationCollection.from_json(cars.to_json(), item=item)
assert list(again[0].frames.values()) == list(car.frames.values())

print("video: all as expected")
