"""CVAT: the shared files, tracks as they are documented, dumps of projects, bad records."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

import dlgeom as dl
from dlgeom.converters import registry
from dlgeom.converters.cvat import recognise as cvat_recognise
from dlgeom.converters.cvat.meta import read_label
from dlgeom.converters.cvat.write_labels import LabelBook
from dlgeom.converters.voc.layout import recognise as voc_recognise
from dlgeom.limits import DEFAULT_LIMITS

FILES = (
    "video/cvat/datumaro_for_video.xml",
    "video/cvat/cvat_docs_interpolation_example.xml",
    "cvat/datumaro_cvatai/for_images/train.xml",
    "cvat/datumaro_cvatai/for_video/annotations.xml",
    "cvat/datumaro_openvino/for_images/export_project/annotations.xml",
    "cvat/datumaro_openvino/for_images/export_task/train.xml",
    "cvat/voc100/annotations.xml",
)


def values(text: str) -> Any:
    """Return numbers, lists of numbers, or the text itself."""
    try:
        return [[float(x) for x in pair.split(",")] for pair in text.split(";")]
    except ValueError:
        return text


DERIVED = {"points", "outside", "rotation"}


def content(path: Path) -> Any:
    """Return what a file says, read by another parser: shapes with values, labels, facts."""
    root = ET.parse(path).getroot()

    def attributes(element: ET.Element, without: frozenset[str] | set[str]) -> dict[str, Any]:
        found = {k: values(v) for k, v in element.attrib.items() if k not in without}
        defaults = {"occluded": [[0.0]], "z_order": [[0.0]]}
        return {k: v for k, v in found.items() if defaults.get(k) != v}

    def shape(element: ET.Element) -> Any:
        without = DERIVED - {"rotation"} if element.tag == "skeleton" else set()
        nodes = sorted(
            (
                n.get("label", ""),
                n.get("outside"),
                n.get("occluded"),
                repr(values(n.get("points", ""))),
            )
            for n in element.findall("points")
        )
        named = sorted((a.get("name"), a.text or "") for a in element.findall("attribute"))
        return element.tag, attributes(element, without), nodes, named

    images = [
        (sorted(image.attrib.items()), [shape(child) for child in image])
        for image in root.findall("image")
    ]
    tracks = [
        (sorted(track.attrib.items()), [shape(child) for child in track])
        for track in root.findall("track")
        if track.find("track") is None
    ]
    labels = [
        sorted((part.tag, "".join(part.itertext()).split().__repr__()) for part in label)
        for label in root.iter("label")
    ]
    facts = sorted(
        (part.tag, (part.text or "").strip())
        for part in root.iter()
        if part.tag in ("size", "start_frame", "stop_frame", "frame_filter", "subset", "width")
    )
    return images, tracks, labels, facts


@pytest.mark.parametrize("name", FILES)
def test_a_real_file_comes_back_value_for_value(
    shared_data: Path, tmp_path: Path, name: str
) -> None:
    source = shared_data / name
    assert registry.recognise(source).name == "cvat"
    dataset = dl.Dataset.open(source)
    target = tmp_path / "out.xml"
    report = dataset.write(target, format="cvat")
    report.check()
    assert (report.dropped, report.approximated, +report.fields) == (0, 0, {})
    before, after = content(source), content(target)
    if name.endswith("cvat_docs_interpolation_example.xml"):
        # Nodes have the key frames of their skeleton, which says itself that it is outside.
        before[1].pop(1)
        assert len(after[1]) == 2
        after[1].pop(1)
    if name.endswith("for_video/annotations.xml"):
        after[1].pop(3)  # the track with a track for each node
    assert before == after
    again = [list(found) for _, found in dl.Dataset.open(target)]
    assert again == [list(found) for _, found in dataset]


def spans(annotation: dl.Annotation) -> list[int]:
    return [frame for frame, state in annotation.frames.items() if state.object_visible]


def test_tracks_of_a_task_with_steps(shared_data: Path) -> None:
    [(item, found)] = dl.Dataset.open(shared_data / "video/cvat/datumaro_for_video.xml")
    assert (item.name, item.media, item.width, item.height) == ("t.mp4", "video", 25, 20)
    assert item.frame_count == 20
    assert [one.object_id for one in found] == ["0", "1", "2"]
    assert [spans(one) for one in found] == [[10, 11, 12], [10, 11, 12], [13, 14, 15]]
    # Towards the outside shape: from 3, 4, 10, 5 in frame 10 to 7, 6, 14, 8 in frame 13.
    bounds = found[0].frames[11].annotation_definition.bounds
    assert bounds == pytest.approx((3 + 4 / 3, 4 + 2 / 3, 10 + 4 / 3, 6))
    assert found[0].frames[11].attributes == {"occluded": True}
    assert found[1].attributes == {"hgl": "hgkf"}
    assert found[1].frames[13].attributes == {"hgl": "jk"}


def test_polygons_and_skeletons_with_gaps(shared_data: Path) -> None:
    source = shared_data / "video/cvat/cvat_docs_interpolation_example.xml"
    dataset = dl.Dataset.open(source)
    [(item, [polygon, pose])] = dataset
    assert (item.name, item.frame_count, item.width, item.height) == (
        "interpolation",
        4620,
        640,
        480,
    )
    assert spans(polygon) == spans(pose) == [0, 6, 13]
    assert [len(polygon.frames[k].annotation_definition.rings[0]) for k in (0, 6, 13)] == [6, 5, 5]
    assert pose.annotation_definition.names == ("1", "2", "3")
    assert pose.annotation_definition.skeleton == ((1, 2), (0, 1))
    assert pose.frames[6].annotation_definition.geo.tolist()[1] == [140.87, 350.23]
    assert pose.source == "manual"
    assert not pose.automated


def test_a_skeleton_with_a_track_for_each_node(shared_data: Path) -> None:
    source = shared_data / "cvat/datumaro_cvatai/for_video/annotations.xml"
    [(_, found)] = dl.Dataset.open(source)
    pose = found[3]
    # It never ends: up to the last frame of the task.
    assert spans(pose) == list(range(10, 20))
    assert [
        pose.frames[k].annotation_definition.keypoints[:, 2].tolist() for k in (10, 12, 13, 19)
    ] == [
        [2, 2, 2, 2],
        [2, 2, 2, 2],
        [2, 2, 0, 2],
        [2, 2, 0, 2],
    ]


def test_a_skeleton_moves_towards_where_it_is_outside(tmp_path: Path) -> None:
    def skeleton(frame: int, x: int, outside: int) -> str:
        return (
            f'<skeleton frame="{frame}" keyframe="1">'
            + "".join(
                f'<points label="{name}" outside="{outside}" occluded="{occluded}" keyframe="1" '
                f'points="{x + k},{k}"/>'
                for k, (name, occluded) in enumerate((("n", 0), ("m", 1)))
            )
            + "</skeleton>"
        )

    dataset = opened(tmp_path, task(track(skeleton(0, 0, 0), skeleton(4, 8, 1))))
    [(_, [one])] = dataset
    assert spans(one) == [0, 1, 2, 3]
    assert one.frames[3].annotation_definition.keypoints.tolist() == [[6, 0, 2], [7, 1, 1]]
    dataset.write(tmp_path / "out.xml", format="cvat")
    [(_, [again])] = dl.Dataset.open(tmp_path / "out.xml")
    assert again == one


def test_images_of_voc100_are_those_of_voc(shared_data: Path) -> None:
    boxes = {}
    for name in ("cvat/voc100", "voc/voc100/pascalvoc"):
        folder = shared_data / name
        boxes[name] = {
            item.name: sorted((one.label, *one.bounds) for one in found)
            for item, found in dl.Dataset.open(folder)
        }
    first, second = boxes.values()
    assert len(first) == 100
    assert first == second


def task(*tracks: str, head: str = "<size>10</size>", meta: str = "") -> str:
    return (
        f"<annotations><version>1.1</version><meta><task>{head}<mode>interpolation</mode>"
        f"<original_size><width>40</width><height>30</height></original_size><labels>"
        f"<label><name>a</name>{meta}</label></labels></task><source>v.mp4</source></meta>"
        f"{''.join(tracks)}</annotations>"
    )


def box(frame: int, outside: int = 0, keyframe: int = 1, x: float = 0, more: str = "") -> str:
    return (
        f'<box frame="{frame}" outside="{outside}" occluded="0" keyframe="{keyframe}" xtl="{x}" '
        f'ytl="0" xbr="{x + 4}" ybr="3" z_order="0">{more}</box>'
    )


def track(*shapes: str, more: str = "") -> str:
    return f'<track id="4" label="a"{more}>{"".join(shapes)}</track>'


def opened(tmp_path: Path, text: str, **options: Any) -> Any:
    path = tmp_path / "in.xml"
    path.write_text(text, encoding="utf-8")
    return dl.Dataset.open(path, **options)


def test_a_track_that_ends_visible_goes_on_to_the_end_of_its_task(tmp_path: Path) -> None:
    [(item, [one])] = opened(tmp_path, task(track(box(2))))
    assert (one.start_frame, one.end_frame, item.frame_count) == (2, 9, 10)
    [(item, [one])] = opened(
        tmp_path,
        task(
            track(box(5)),
            head="<start_frame>5</start_frame><stop_frame>21</stop_frame>"
            "<frame_filter>step=4</frame_filter>",
        ),
    )
    assert (one.start_frame, one.end_frame, item.frame_count) == (5, 21, 22)
    dataset = opened(tmp_path, task(track(box(2), box(4, x=2)), head=""))
    [(item, [one])] = dataset
    assert (one.end_frame, item.frame_count) == (4, None)
    assert dataset.problems.entries[0].code == "video.frames"


def test_what_cvat_computed_is_read_when_asked_for(tmp_path: Path) -> None:
    shapes = [box(0), box(1, 0, 0, 9), box(2, 0, 0, 3), box(4, x=8), box(5, 1, 1, 8)]
    text = task(track(*shapes))
    [(_, [one])] = opened(tmp_path, text)
    assert [(s.frame_num, s.fixed) for s in one.states] == [(0, True), (4, True)]
    assert one.frames[1].left == 2
    [(_, [one])] = opened(tmp_path, text, cvat_shapes="all")
    assert [(s.frame_num, s.fixed) for s in one.states] == [
        (0, True),
        (1, False),
        (2, False),
        (4, True),
    ]
    assert one.frames[1].left == 9
    opened(tmp_path, text, cvat_shapes="all").write(tmp_path / "out.xml", format="cvat")
    [(_, [again])] = dl.Dataset.open(tmp_path / "out.xml", cvat_shapes="all")
    assert again == one
    # After a gap nothing can have been computed: the thing comes back.
    [(_, [one])] = opened(
        tmp_path, task(track(box(0), box(1, 1), box(4, 0, 0, 7), box(5, 1, 1, 7)))
    )
    assert spans(one) == [0, 4]


def test_attributes_are_held_and_typed(tmp_path: Path) -> None:
    def entry(name: str, kind: str) -> str:
        return f"<attribute><name>{name}</name><input_type>{kind}</input_type></attribute>"

    meta = "".join(map(entry, ("n", "c", "s"), ("number", "checkbox", "select")))

    def said(**given: str) -> str:
        return "".join(f'<attribute name="{k}">{v}</attribute>' for k, v in given.items())

    text = task(
        track(
            box(0, more=said(n="2.50", c="True", s="0003", free="1")),
            box(3, more=said(n="7")),
            box(5, more=said(n="", c="false")),
        ),
        meta=f"<attributes>{meta}</attributes>",
    )
    dataset = opened(tmp_path, text)
    [(_, [one])] = dataset
    wanted = [
        {"n": 2.5, "c": True, "s": "0003", "free": "1"},
        {"n": 7, "c": True, "s": "0003", "free": "1"},
        {"c": False, "s": "0003", "free": "1"},
    ]
    assert [dict(state.attributes) for state in one.states] == wanted
    assert type(one.states[1].attributes["n"]) is int
    report = dataset.write(tmp_path / "out.xml", format="cvat")
    assert report.approximated == 0
    [(_, [again])] = dl.Dataset.open(tmp_path / "out.xml")
    assert again == one


def test_attributes_named_like_those_of_shapes(tmp_path: Path) -> None:
    meta = (
        "<attributes><attribute><name>occluded</name><input_type>checkbox</input_type></attribute>"
        "<attribute><name>z_order</name><input_type>text</input_type></attribute></attributes>"
    )
    more = '<attribute name="occluded">true</attribute><attribute name="z_order">high</attribute>'
    dataset = opened(tmp_path, task(track(box(0, more=more)), meta=meta))
    [(_, [one])] = dataset
    assert dict(one.attributes) == {"attribute:occluded": True, "z_order": "high"}
    dataset.write(tmp_path / "out.xml", format="cvat")
    assert [list(f) for _, f in dl.Dataset.open(tmp_path / "out.xml")] == [[one]]


def test_unknown_attributes_and_groups_come_back(tmp_path: Path) -> None:
    shape = box(0).replace("<box ", '<box mood="a &amp; &quot;b&quot;" ')
    text = task(track(shape, more=' source="semi-auto" group_id="7" own="x" ключ="y"'))
    dataset = opened(tmp_path, text)
    [(_, [one])] = dataset
    shapes = {"0": {"mood": 'a & "b"'}}
    assert one.extra == {"group_id": 7, "own": "x", "ключ": "y", "shapes": shapes}
    assert (one.source, one.automated) == ("semi-auto", True)
    report = dataset.write(tmp_path / "out.xml", format="cvat")
    assert not +report.fields
    assert [list(f) for _, f in dl.Dataset.open(tmp_path / "out.xml")] == [[one]]


def project(*tasks: str, body: str) -> str:
    return (
        "<annotations><version>1.1</version><meta><project><id>3</id><tasks>"
        + "".join(tasks)
        + "</tasks><labels><label><name>a</name></label></labels></project></meta>"
        + f"{body}</annotations>"
    )


def test_a_dump_of_a_project_has_a_video_for_each_task(tmp_path: Path) -> None:
    text = project(
        "<task><id>8</id><name>one</name><size>5</size><subset>Train</subset></task>",
        "<task><id>9</id><name>two</name><size>7</size><source>d/w.mp4</source></task>",
        body=track(box(1), more=' task_id="9"')
        + track(box(0), box(2, 1), more=' task_id="8"')
        + track(box(3), more=' task_id="9"')
        + track(box(3), more=' task_id="77"'),
    )
    dataset = opened(tmp_path, text)
    pairs = list(dataset)
    assert [(i.name, i.subset, i.frame_count) for i, _ in pairs] == [
        ("one", "Train", 5),
        ("d/w.mp4", None, 7),
        ("task 77", None, None),
    ]
    assert [[(o.start_frame, o.end_frame) for o in found] for _, found in pairs] == [
        [(0, 1)],
        [(1, 6), (3, 6)],
        [(3, 3)],
    ]
    assert dataset.meta.subsets == ["Train"]
    report = dataset.write(tmp_path / "out", format="cvat")
    assert report.dropped == 0
    again = {i.name: list(f) for i, f in dl.Dataset.open(tmp_path / "out")}
    assert again == {i.name: list(f) for i, f in pairs}
    names = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.xml")}
    assert names == {"one.xml", "d/w.mp4.xml", "task 77.xml"}


def test_one_file_holds_images_or_one_video(tmp_path: Path) -> None:
    image = dl.Item(name="i.jpg", width=9, height=9)
    video = dl.Item(name="v.mp4", width=9, height=9, media="video", frame_count=3)
    one = dl.Annotation(dl.Box(0, 0, 2, 2, "a"))
    both = [(item, dl.AnnotationCollection(item, [one.copy()])) for item in (image, video)]
    with pytest.raises(dl.UsageError, match="holds images or one video"):
        dl.Dataset.from_pairs(both).write(tmp_path / "x.xml", format="cvat")
    assert not (tmp_path / "x.xml").exists()
    dl.Dataset.from_pairs(both).write(tmp_path / "out", format="cvat")
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"annotations.xml", "v.mp4.xml"}
    assert {i.media: len(f) for i, f in dl.Dataset.open(tmp_path / "out")} == {
        "image": 1,
        "video": 1,
    }


def test_new_labels_and_values_join_those_of_the_source() -> None:
    xml = (
        "<label><name>a</name><color>#112233</color><attributes><attribute><name>s</name>"
        "<mutable>True</mutable><input_type>select</input_type><default_value>p</default_value>"
        "<values>p\nq</values></attribute></attributes></label>"
    )
    spec = read_label(etree.fromstring(xml))
    assert spec.label.color == (0x11, 0x22, 0x33)
    book = LabelBook([spec.label], {"a": spec}, mutable=True, limits=DEFAULT_LIMITS)
    assert book.attribute("a", "s", "q") == ("q", True)
    assert book.attribute("a", "s", "r") == ("r", True)
    assert book.attribute("a", "s", 7) == ("7", False)
    assert book.attribute("a", "new", 4.5) == ("4.5", True)
    assert book.attribute("a", "new", "5") == ("5", False)
    assert book.attribute("b", "x", True) == ("true", True)
    assert book.attribute("b", "x", float("nan")) == (None, False)
    assert book.attribute("b", "y", "\x07") == (None, False)
    root = ET.fromstring(book.xml())
    assert [label.findtext("name") for label in root] == ["a", "b"]
    entries = {entry.findtext("name"): entry for entry in root.iter("attribute")}
    assert list(entries) == ["s", "new", "x"]
    assert entries["s"].findtext("values") == "p\nq\nr\n7"
    assert [entry.findtext("input_type") for entry in entries.values()] == [
        "select",
        "number",
        "checkbox",
    ]


BAD = [
    (box(1, x=0).replace('xtl="0"', 'xtl="nan"'), "number.not_finite"),
    (box(1).replace('xtl="0"', 'xtl="1_0"'), "type.number"),
    (box(1).replace('xtl="0"', 'xtl="١"'), "type.number"),
    (box(1).replace('xtl="0"', ""), "schema.field"),
    (box(1).replace('xtl="0"', 'xtl="1e9"'), "number.range"),
    (box(1).replace('xtl="0"', 'xtl="1e999"'), "number.not_finite"),
    (box(1).replace('xtl="0"', 'xtl="8"'), "geometry.normalised"),
    (box(1).replace('frame="1"', 'frame="-1"'), "type.number"),
    (box(1).replace('frame="1"', 'frame="99999999999"'), "limit.frames"),
    (box(1).replace('outside="0"', 'outside="maybe"'), "value.invalid"),
    (box(1).replace('z_order="0"', 'z_order="0.5"'), "type.number"),
    ('<polygon frame="1" keyframe="1" points="1,2;3,4"/>', "polygon.too_few"),
    ('<polygon frame="1" keyframe="1" points="1,2;3;4,5"/>', "polygon.odd"),
    ('<polygon frame="1" keyframe="1" points="0,0;9e6,0;9e6,9e6"/>', "geometry.outside_image"),
    ('<polyline frame="1" keyframe="1" points="1,2"/>', "polygon.too_few"),
    ('<points frame="1" keyframe="1" points=""/>', "polygon.too_few"),
    ('<ellipse frame="1" keyframe="1" cx="1" cy="1" rx="-1" ry="1"/>', "geometry.arity"),
    ('<cuboid frame="1" keyframe="1" xtl1="1"/>', "schema.field"),
    ('<skeleton frame="1" keyframe="1"/>', "keypoints.arity"),
    ('<mask frame="1" rle="1" left="0" top="0" width="2" height="2"/>', "rle.invalid"),
    ('<mask frame="1" rle="4,-1,1" left="0" top="0" width="2" height="2"/>', "rle.invalid"),
    ('<mask frame="1" rle="4" left="0" top="0" width="4" height="0"/>', "rle.invalid"),
    ('<mask frame="1" rle="4" left="39" top="0" width="2" height="2"/>', "image.size_disagrees"),
    ('<mask frame="1" rle="4" left="0.5" top="0" width="2" height="2"/>', "type.number"),
    (box(0, x=2), "record.duplicate"),
]


@pytest.mark.parametrize(("shape", "code"), BAD, ids=lambda value: str(value)[:60])
def test_a_bad_shape_costs_itself(tmp_path: Path, shape: str, code: str) -> None:
    second = track(box(7)).replace('id="4"', 'id="5"')
    text = task(track(box(0), shape, box(5, x=5)), second)
    dataset = opened(tmp_path, text, on_error="skip")
    [(_, [one, other])] = dataset
    assert (one.start_frame, one.end_frame, other.start_frame) == (0, 9, 7)
    assert [entry.code for entry in dataset.problems.entries] == [code]
    assert dataset.problems.entries[0].status == "repaired"
    with pytest.raises(dl.FormatError):
        list(opened(tmp_path, text))
    if not shape.startswith("<box"):
        # In an image the shape is the record.
        image = f'<annotations><image id="0" name="i.jpg" width="40" height="30">{shape}' + (
            '<box label="a" xtl="0" ytl="0" xbr="1" ybr="1"/></image></annotations>'
        )
        dataset = opened(tmp_path, image, on_error="skip")
        [(_, [one])] = dataset
        assert one.label == "a"
        assert [entry.status for entry in dataset.problems.entries] == ["skipped"]
        report = opened(tmp_path, image, on_error="skip").write(tmp_path / "out.xml", format="cvat")
        report.check()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (
            '<!DOCTYPE annotations [<!ENTITY a "b">]><annotations><meta/></annotations>',
            "xml.entity",
        ),
        (
            '<!DOCTYPE annotations [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
            "<annotations><meta>&a;</meta></annotations>",
            "xml.entity",
        ),
        (
            '<!DOCTYPE annotations [<!ELEMENT box ANY><!ATTLIST box xtl CDATA "1">]>'
            "<annotations><meta/></annotations>",
            "xml.entity",
        ),
        ('<annotations xmlns="urn:x"><meta/></annotations>', "xml.namespace"),
        ("<annotations><meta></annotations>", "xml.syntax"),
        ("<annotations><meta/>", "xml.syntax"),
        ("<annotation><version>1</version></annotation>", "schema.root"),
        ("<annotations><meta>" + "<a>" * 70 + "</a>" * 70 + "</meta></annotations>", "limit.depth"),
        (
            "<annotations><meta>" + "<a>" * 999 + "</a>" * 999 + "</meta></annotations>",
            "limit.depth",
        ),
        (f'<annotations><track label="{"x" * 70_000}"/></annotations>', "limit.text"),
        ("", "file.empty"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_file_that_cannot_be_trusted_is_refused(tmp_path: Path, text: str, code: str) -> None:
    for mode in ("raise", "skip"):
        with pytest.raises(dl.FormatError) as caught:
            list(opened(tmp_path, text, format="cvat", on_error=mode))
        assert caught.value.code == code


def test_a_bad_file_of_a_folder_leaves_the_others(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.xml").write_text(task(track(box(0))))
    (tmp_path / "d" / "b.xml").write_text(task(track(box(0))) + "<more/>")
    (tmp_path / "d" / "c.xml").write_text("<annotation><object/></annotation>")
    dataset = dl.Dataset.open(tmp_path / "d", on_error="skip")
    # The second one is good up to its end: nothing of a broken file may be trusted, but what was
    # read before is read.
    assert len(list(dataset)) == 1
    codes = [entry.code for entry in dataset.problems.entries]
    assert "xml.ignored" in codes
    assert "xml.syntax" in codes


def test_what_stands_in_no_image_and_no_track_is_told(tmp_path: Path) -> None:
    text = task(track(box(0)), '<tag label="a" frame="3"/>', track(box(2)))
    dataset = opened(tmp_path, text, on_error="skip")
    [(_, found)] = dataset
    assert [one.start_frame for one in found] == [0, 2]
    entries = [(entry.status, entry.code) for entry in dataset.problems.entries]
    assert entries == [("skipped", "schema.type"), ("notice", "ref.duplicate_id")]


def test_runs_longer_than_32_bits_are_read_and_written(tmp_path: Path) -> None:
    text = (
        '<annotations><image id="0" name="a.jpg" width="100000" height="100000"><mask label="a" '
        'rle="1,9999999999" left="0" top="0" width="100000" height="100000"/></image></annotations>'
    )
    dataset = opened(tmp_path, text)
    [(_, [one])] = dataset
    assert (one.area, one.bounds) == (9_999_999_999, (0, 0, 100_000, 100_000))
    dataset.write(tmp_path / "out.xml", format="cvat")
    assert 'rle="1, 9999999999"' in (tmp_path / "out.xml").read_text()
    assert [list(f) for _, f in dl.Dataset.open(tmp_path / "out.xml")] == [[one]]


def test_text_that_comments_split_is_joined(tmp_path: Path) -> None:
    text = task(track(box(0, more='<attribute name="t">a<!-- x -->b</attribute>')))
    [(_, [one])] = opened(tmp_path, text)
    assert dict(one.attributes) == {"t": "ab"}


def test_names_that_lead_out_cost_their_image(tmp_path: Path) -> None:
    text = (
        '<annotations><image id="0" name="../x.jpg" width="4" height="4"/>'
        '<image id="1" name="a/./b.jpg" width="4" height="x"/></annotations>'
    )
    dataset = opened(tmp_path, text, on_error="skip")
    [(item, _)] = dataset
    assert (item.name, item.width, item.height) == ("a/b.jpg", 4, None)
    codes = {entry.code for entry in dataset.problems.entries}
    assert codes == {"path.escape", "path.normalised", "type.number"}


def test_voc_and_cvat_are_told_apart(shared_data: Path, tmp_path: Path) -> None:
    for name in FILES:
        assert voc_recognise(shared_data / name) == 0
        assert voc_recognise((shared_data / name).parent) == 0
        assert cvat_recognise.recognise((shared_data / name).parent) == 2
    files = [path for path in (shared_data / "voc").rglob("*.xml") if path.is_file()][::17]
    assert len(files) > 5
    assert not any(cvat_recognise.looks_like_cvat(path) for path in files)
    for folder in (shared_data / "voc").iterdir():
        assert cvat_recognise.recognise(folder) == 0
    for text, wanted in [
        ("<annotations/>", 2),
        ("<annotations><image/></annotations>", 2),
        ("<?xml version='1.0'?><!-- <annotation> --><annotations><track/></annotations>", 2),
        ("<annotations><other/></annotations>", 0),
        ("<annotation><version/></annotation>", 0),
        ("<tracklets><annotations><version/></annotations></tracklets>", 0),
        ("<!---->" * 3000 + "<annotations><meta/></annotations>", 0),
    ]:
        (tmp_path / "x.xml").write_text(text)
        assert cvat_recognise.recognise(tmp_path / "x.xml") == wanted, text
    (tmp_path / "x.xml").write_text("<annotations><track/></annotations>", encoding="utf-16")
    assert registry.recognise(tmp_path / "x.xml").name == "cvat"
