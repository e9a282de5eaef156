"""Notes and the definitions that say something instead of drawing it."""

from __future__ import annotations

import math
import pickle

import msgspec
import numpy as np
import pytest
from chunk_strategies import json_values, notes
from hypothesis import given

from dlgeom.definitions import (
    Comparison,
    FreeText,
    Gis,
    Message,
    Note,
    RefImage,
    Subtitle,
    Text,
    UndefinedAnnotationType,
)
from dlgeom.errors import GeometryError, UsageError

# Notes.


@given(notes())
def test_a_note_is_a_box_with_a_discussion(note: Note) -> None:
    assert note.bounds == (note.left, note.top, note.right, note.bottom)
    assert note.geo.tolist() == [[note.left, note.top], [note.right, note.bottom]]
    assert note.area == note.width * note.height
    assert isinstance(note.messages, tuple)
    assert pickle.loads(pickle.dumps(note)).messages == note.messages


def test_defaults_of_a_note_ask_nobody() -> None:
    note = Note(1, 2, 3, 4, "x")
    assert note.messages == ()
    assert note.status == "issue"
    assert (note.assignee, note.create_time, note.creator) == (None, None, None)
    message = Message()
    assert (message.msg_id, message.creator, message.msg_time, message.body) == (None,) * 4


def test_parameters_of_a_note_come_in_the_documented_order() -> None:
    messages = [Message("1", "a@b.c", 1700000000000, "words")]
    note = Note(1, 2, 3, 4, "x", {"k": 1}, messages, "open", "you", 5, "me", "text")
    assert (note.attributes, note.messages) == ({"k": 1}, tuple(messages))
    assert (note.status, note.assignee, note.create_time) == ("open", "you", 5)
    assert (note.creator, note.description) == ("me", "text")


def test_the_discussion_counts_in_comparisons_but_not_in_the_hash() -> None:
    plain = Note(1, 2, 3, 4, "x")
    for other in (
        Note(1, 2, 3, 4, "x", messages=[Message(body="words")]),
        Note(1, 2, 3, 4, "x", status="open"),
        Note(1, 2, 3, 4, "x", assignee="you"),
        Note(1, 2, 3, 4, "x", create_time=1),
        Note(1, 2, 3, 4, "x", creator="me"),
    ):
        assert other != plain
        assert not other.is_close(plain, atol=9)
        assert hash(other) == hash(plain)
    assert plain.is_close(Note(1, 2, 3, 4.5, "x"), atol=0.5)
    assert not plain.is_close(Note(1, 2, 3, 4.5, "x"), atol=0.4)


def test_messages_may_be_plain_texts() -> None:
    assert Note(1, 2, 3, 4, "x", messages=["a"]).messages == (Message(body="a"),)
    assert Note(1, 2, 3, 4, "x", messages="a").messages == (Message(body="a"),)


def test_messages_are_values() -> None:
    message = Message("1", "me", 5, "words")
    assert message == Message("1", "me", 5, "words")
    assert hash(message) == hash(Message("1", "me", 5, "words"))
    with pytest.raises(AttributeError):
        message.body = "other"  # type: ignore[misc]
    number = Message(msg_time=np.int64(5)).msg_time
    assert type(number) is int


@pytest.mark.parametrize(
    ("error", "message", "fields"),
    [
        (GeometryError, "Note: left .* is greater than right", {"left": 9}),
        (GeometryError, "Note: top is nan", {"top": math.nan}),
        (UsageError, "message 0 is 5", {"messages": [5]}),
        (UsageError, "messages is 3", {"messages": 3}),
        (UsageError, "Note: status is 3", {"status": 3}),
        (UsageError, "Note: create_time is nan", {"create_time": math.nan}),
        (UsageError, "Note: create_time is True", {"create_time": True}),
        (UsageError, "Note: creator is 3", {"creator": 3}),
    ],
)
def test_bad_notes_are_refused(error: type[Exception], message: str, fields: dict) -> None:
    edges = {"left": 1, "top": 2, "right": 3, "bottom": 4, "label": "x"}
    with pytest.raises(error, match=message):
        Note(**{**edges, **fields})


@pytest.mark.parametrize(
    "fields", [{"body": 3}, {"creator": 3}, {"msg_time": math.inf}, {"msg_id": [1]}]
)
def test_bad_messages_are_refused(fields: dict) -> None:
    with pytest.raises(UsageError, match=f"Message: {next(iter(fields))}"):
        Message(**fields)


# Words.


@pytest.mark.parametrize("kind", [Subtitle, FreeText])
def test_text_is_text(kind: type[Subtitle | FreeText]) -> None:
    assert kind("words\n-->", "x").text == "words\n-->"
    assert kind("", "x").text == ""
    with pytest.raises(UsageError, match=f"{kind.__name__}: text is 3"):
        kind(3, "x")  # type: ignore[arg-type]
    assert kind("a", "x") != kind("b", "x")


def test_default_labels_are_those_of_the_documents() -> None:
    assert FreeText("words").label == "free-text"
    assert RefImage("1").label == "ref-image"
    assert Text("block", 3, 9).label is None
    assert Gis("point", [1, 2]).label is None
    assert FreeText("words", None).label is None


def test_text_marks_count_characters() -> None:
    mark = Text("block", 3, 9, "x", 1, 2)
    assert (mark.start, mark.end, mark.top, mark.left) == (3, 9, 1, 2)
    assert all(map(math.isnan, (*mark.bounds, mark.width, mark.height)))
    assert type(Text("block", np.int64(3), 9.0).start) is int
    assert Text("block", 1 << 60, (1 << 60) + 1).end == (1 << 60) + 1
    with pytest.raises(GeometryError, match=r"start is 0\.5"):
        Text("block", 0.5, 9)  # type: ignore[arg-type]
    with pytest.raises(GeometryError, match="end is nan"):
        Text("block", 0, math.nan)  # type: ignore[arg-type]
    with pytest.raises(GeometryError, match="top is inf"):
        Text("block", 0, 9, top=math.inf)
    with pytest.raises(UsageError, match="text_type is None"):
        Text(None, 0, 9)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ref", "kind"), [("https://a/b.png", "url"), ("http://a", "url"), ("5f2a", "id"), ("", "id")]
)
def test_the_type_of_a_reference_follows_from_it(ref: str, kind: str) -> None:
    assert RefImage(ref).ref_type == kind
    assert RefImage(ref) == RefImage(ref, kind)
    assert RefImage(ref, "other").ref_type == "other"
    assert RefImage(ref, mimetype="image/png").mimetype == "image/png"


def test_a_reference_is_text() -> None:
    with pytest.raises(UsageError, match="ref is 3"):
        RefImage(3)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="mimetype is 3"):
        RefImage("a", mimetype=3)  # type: ignore[arg-type]


# The globe.


def test_positions_are_longitude_and_latitude_in_any_nesting() -> None:
    ring = [[1, 2], [3, 2], [3, 4.5], [1, 2]]
    place = Gis("polygon", [ring], "x")
    assert place.geo == [ring]
    assert place.x.tolist() == [1, 3, 3, 1]
    assert place.y.tolist() == [2, 2, 4.5, 2]
    assert all(map(math.isnan, place.bounds))
    assert Gis("point", np.array([1.5, 2.5])).geo == [1.5, 2.5]
    assert Gis("point", (1, 2, 300)).y.tolist() == [2]
    with pytest.raises(TypeError, match="read-only"):
        place.geo[0].append([5, 5])


def test_positions_may_be_off_by_a_distance_in_degrees() -> None:
    one, near = Gis("box", [[[1, 2], [3, 4]]]), Gis("box", [[[1, 2.5], [3, 4]]])
    assert one != near
    assert one.is_close(near, atol=0.5)
    assert not one.is_close(near, atol=0.4)
    assert not one.is_close(Gis("box", [[1, 2], [3, 4]]), atol=9)
    assert not one.is_close(Gis("polygon", [[[1, 2], [3, 4]]]), atol=9)


@pytest.mark.parametrize(
    "geo", [None, 3, "text", {"lon": 1}, [1], [[1, 2], 3], [1, None], [True, False], [math.nan, 1]]
)
def test_what_is_no_position_is_refused(geo: object) -> None:
    with pytest.raises(GeometryError, match="Gis: geo"):
        Gis("point", geo)


# Whatever else.


@given(json_values)
def test_unknown_content_is_kept_and_goes_into_json(value: object) -> None:
    for shape in (Comparison(value, "x"), UndefinedAnnotationType("t", "x", value)):
        assert shape.coordinates == value
        assert msgspec.json.encode(shape.coordinates) == msgspec.json.encode(value)
        assert hash(shape) == hash(pickle.loads(pickle.dumps(shape)))


def test_unknown_types_keep_their_name() -> None:
    one = UndefinedAnnotationType("hologram", "x", [], {"k": 1}, "words")
    assert (one.type, one.attributes, one.description) == ("hologram", {"k": 1}, "words")
    assert one != UndefinedAnnotationType("other", "x", [], {"k": 1}, "words")
    assert one.replace(label="y").type == "hologram"
    assert not isinstance(UndefinedAnnotationType.type, str)
    with pytest.raises(UsageError, match="type is None"):
        UndefinedAnnotationType(None, "x", [])  # type: ignore[arg-type]


def test_unknown_content_cannot_be_changed() -> None:
    inner = {"x": [1]}
    shape = UndefinedAnnotationType("t", "x", [inner])
    inner["x"].append(2)
    assert shape.coordinates == [{"x": [1]}]
    with pytest.raises(TypeError, match="read-only"):
        shape.coordinates[0]["x"].append(3)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [math.nan]}, "finite"),
        ({1: 2}, "keys of JSON are text"),
        ([{1, 2}], "JSON values"),
        (np.array([np.inf]), "finite"),
        (b"bytes", "JSON values"),
    ],
)
def test_what_json_cannot_hold_is_refused(value: object, message: str) -> None:
    with pytest.raises(GeometryError, match=message):
        Comparison(value)
    with pytest.raises(GeometryError, match=message):
        UndefinedAnnotationType("t", "x", value)
