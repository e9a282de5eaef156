"""Cues to annotations and back, through files and through the pipeline."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dlgeom as dl
from dlgeom import Annotation, AnnotationCollection, Dataset, Item
from dlgeom.chunk import Chunk
from dlgeom.converters.survey import survey
from dlgeom.converters.vtt.api import read_vtt_file, write_vtt_file
from dlgeom.converters.vtt.file import parse_vtt
from dlgeom.definitions import Box, Subtitle
from dlgeom.errors import FormatError, LimitError, OutputError, UsageError
from dlgeom.limits import Limits

HEAD = "WEBVTT a talk\nKind: captions\n\n"
RICH = HEAD + (
    "STYLE\n::cue { color: red }\n\nREGION\nid:r width:40%\n\nNOTE first\n\n"
    "one\n00:00:01.000 --> 00:00:02.500 align:start region:r\n"
    "<v.loud Bob>Fish &amp; <i>chips</i></v>\n\n"
    "two\n00:00:02.500 --> 00:00:04.000\n- <v Ann>Hi</v>\n- <v Bob>Yo</v>\n\n"
    "NOTE between\n\n"
    "00:00:04.000 --> 00:00:05.000\nNobody\n\n"
    "00:00:05.000 --> 00:00:06.000\n<v Ann>Bye\n\nNOTE last\n"
)


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


def said(collection: AnnotationCollection) -> list[tuple[str | None, str]]:
    return [(a.label, a.annotation_definition.text) for a in collection]


def test_a_file_becomes_subtitles_with_voices_and_exact_times(tmp_path: Path) -> None:
    found = read_vtt_file(written(tmp_path / "a.vtt", RICH))
    assert said(found) == [
        ("Bob", "Fish & chips"),
        ("Ann", "Hi"),
        ("Bob", "Yo"),
        ("Text", "Nobody"),
        ("Ann", "Bye"),
    ]
    assert [(a.start_time, a.end_time) for a in found][:2] == [(1.0, 2.5), (2.5, 4.0)]
    assert {a.type for a in found} == {"subtitle"}
    assert [a.metadata for a in found][3:] == [None, None]
    assert found[0].metadata["user"]["vtt"]["id"] == "one"
    assert found[0].metadata["user"]["vtt"]["settings"] == "align:start region:r"
    kept = found.item.metadata["user"]["vtt"]
    assert kept["header"] == " a talk\nKind: captions"
    assert [(b["kind"], b["before"]) for b in kept["blocks"]] == [
        ("style", 0),
        ("region", 0),
        ("comment", 0),
        ("comment", 2),
        ("comment", 4),
    ]
    assert (found.item.name, found.item.media) == ("a.vtt", "audio")


def test_an_unchanged_file_comes_out_as_it_was(tmp_path: Path) -> None:
    found = read_vtt_file(written(tmp_path / "a.vtt", RICH))
    report = write_vtt_file(found, tmp_path / "b.vtt")
    assert (tmp_path / "b.vtt").read_text() == RICH
    assert report.lossless
    assert (report.read, report.written) == (5, 5)


@pytest.mark.parametrize("voices", ["one-per-span", "joined"])
@pytest.mark.parametrize("speaker", ["none", "prefix"])
@pytest.mark.parametrize("label", ["Text", "Somebody"])
def test_options_change_annotations_but_not_the_way_back(
    voices: str, speaker: str, label: str, tmp_path: Path
) -> None:
    text = RICH + "\n00:00:06.000 --> 00:00:07.000\nAnn: Hi\nBob: Yo\n"
    source = written(tmp_path / "a.vtt", text)
    options = {"vtt_voices": voices, "vtt_speaker": speaker, "vtt_label": label}
    found = read_vtt_file(source, **options)
    joined = voices == "joined"
    assert len(found) == 5 + (not joined) + (not joined and speaker == "prefix")
    last = said(found)[-1]
    if speaker == "none" or joined:
        assert last == (label, "Ann: Hi\nBob: Yo")
    else:
        assert said(found)[-2:] == [("Ann", "Hi"), ("Bob", "Yo")]
    write_vtt_file(found, tmp_path / "b.vtt", vtt_label=label)
    assert (tmp_path / "b.vtt").read_text() == text
    dl.convert(source, tmp_path / "c.vtt", **options, on_error="skip")
    assert (tmp_path / "c.vtt").read_text() == text


def test_an_edited_annotation_is_written_from_its_new_values(tmp_path: Path) -> None:
    source = written(tmp_path / "a.vtt", RICH)

    def cues_after(edit: Any) -> tuple[list[tuple[str, str, int, str]], dl.Report]:
        found = read_vtt_file(source)
        edit(found)
        report = write_vtt_file(found, tmp_path / "b.vtt")
        file = parse_vtt((tmp_path / "b.vtt").read_bytes(), strict=True)
        return [(c.id, c.settings, c.start, c.text) for c in file.cues], report

    def new_text(found: AnnotationCollection) -> None:
        found[0].annotation_definition = Subtitle("Peas < beans", found[0].label)

    cues, report = cues_after(new_text)
    assert cues[0] == ("one", "align:start region:r", 1_000, "<v Bob>Peas &lt; beans")
    assert report.fields == {"cue.markup": 1}

    def new_label(found: AnnotationCollection) -> None:
        found[0].label = "R & D"

    assert cues_after(new_label)[0][0][3] == "<v R &amp; D>Fish &amp; chips"

    def no_label(found: AnnotationCollection) -> None:
        found[4].label = "Text"

    assert cues_after(no_label)[0][-1][3] == "Bye"

    def new_time(found: AnnotationCollection) -> None:
        found[0].start_time = 1.2345

    cues, report = cues_after(new_time)
    assert cues[0][2:] == (1_235, "<v.loud Bob>Fish &amp; <i>chips</i></v>")
    assert not report.fields

    def one_voice(found: AnnotationCollection) -> None:
        found[2].annotation_definition = Subtitle("Hello", "Bob")

    cues, report = cues_after(one_voice)
    assert [c[3] for c in cues[1:3]] == ["<v Ann>Hi", "<v Bob>Hello"]
    assert [c[0] for c in cues[1:3]] == ["two", "two"]
    assert report.fields == {"cue.markup": 2}

    def other_time(found: AnnotationCollection) -> None:
        found[2].end_time = 4.5

    assert [c[3] for c in cues_after(other_time)[0][1:3]] == ["<v Ann>Hi", "<v Bob>Yo"]

    def removed(found: AnnotationCollection) -> None:
        del found.annotations[1]

    assert [c[3] for c in cues_after(removed)[0][1:2]] == ["<v Bob>Yo"]

    def swapped(found: AnnotationCollection) -> None:
        some = found.annotations
        some[1], some[2] = some[2], some[1]

    assert [c[3] for c in cues_after(swapped)[0][1:3]] == ["<v Bob>Yo", "<v Ann>Hi"]


@pytest.mark.parametrize(
    ("payload", "lost"),
    [
        ("<v Bob>a</v>", False),
        ("a &lt b", False),
        ("<v Bob>a &quot;", False),
        ("<v.loud Bob>a", True),
        ("<i>a</i>", True),
        ("a<00:01.000>b", True),
        ("- <v Bob>a", True),
        ("<v Bob>a</v> <v Ann>b", True),
    ],
)
def test_markup_is_lost_only_where_there_is_any(payload: str, lost: bool, tmp_path: Path) -> None:
    found = read_vtt_file(
        written(tmp_path / "a.vtt", f"WEBVTT\n\n00:00.000 --> 00:05.000\n{payload}\n")
    )
    found[0].label = "Zoe"
    report = write_vtt_file(found, tmp_path / "b.vtt")
    assert bool(report.fields["cue.markup"]) == lost
    assert set(report.fields) <= {"cue.markup"}


HOSTILE = [
    "-->",
    "\n",
    "\n\n",
    "\r",
    "\r\n",
    "\0",
    "&",
    "&amp;",
    "<",
    ">",
    "<v Bob>",
    "</v>",
    "x",
    " ",
    "a b",
    "\ud800",
    "\u2028",
    "NOTE",
    "00:00:01.000 --> 00:00:02.000",
    "é",
    "WEBVTT",
    "\t",
    "\u00a0",
    "<00:01.000>",
]
lines = st.lists(st.sampled_from(HOSTILE), max_size=8).map("".join)
any_text = st.one_of(lines, st.text(max_size=20))
values = st.one_of(any_text, st.integers(), st.none(), st.booleans())
own = st.fixed_dictionaries(
    {},
    optional={
        "id": values,
        "settings": values,
        "payload": values,
        "part": st.lists(st.integers(0, 2), max_size=2),
        "voices": st.just("joined"),
    },
)
times = st.one_of(
    st.integers(-1_000, 10**7).map(lambda ms: ms / 1000),
    st.sampled_from([None, math.nan, math.inf, 1e300, 0, Fraction(1, 3), "x"]),
)
subtitles = st.builds(
    lambda text, label, start, end, data: Annotation(
        Subtitle(text, label),
        start_time=start,
        end_time=end,
        metadata={"user": {"vtt": data}} if data else None,
    ),
    any_text,
    st.one_of(st.none(), st.sampled_from(["Text", "Bob", "Ann Lee", ""]), any_text),
    times,
    times,
    own,
)


@given(st.lists(subtitles, max_size=4))
def test_reading_gives_what_was_written_up_to_the_report(
    tmp_path_factory: pytest.TempPathFactory, some: list[Annotation]
) -> None:
    place = tmp_path_factory.getbasetemp() / "laws.vtt"
    report = write_vtt_file(AnnotationCollection(Item(name="a"), some), place)
    data = place.read_bytes()
    assert not parse_vtt(data, strict=True).faults
    read = read_vtt_file(place, on_error="raise") if not _unordered(data) else read_vtt_file(place)
    assert report.read == len(some)
    assert report.written + report.approximated + report.dropped == len(some)
    good = [a for a in some if _is_time(a.start_time) and _is_time(a.end_time or 0)]
    # Several annotations may be one cue only if its payload says just what they say.
    assert len(read) == len(good) == len(some) - report.dropped
    good.sort(key=lambda a: max(0, round(Fraction(a.start_time) * 1000)))
    if not report.approximated:
        assert [a.annotation_definition.text for a in read] == [
            a.annotation_definition.text for a in good
        ]
        assert [(a.start_time, a.end_time) for a in read] == [
            (_shown(a.start_time), _shown(a.end_time)) for a in good
        ]
    if not report.fields["label"]:
        assert [a.label for a in read] == [a.label or "Text" for a in good]
    again = write_vtt_file(read, place)
    assert place.read_bytes() == data
    assert again.written == len(read)


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float | Fraction) and math.isfinite(value) and value < 10**12


def _shown(value: Any) -> float:
    return (
        math.floor(
            Fraction(repr(value) if isinstance(value, float) else value) * 1000 + Fraction(1, 2)
        )
        / 1000
    )


def _unordered(data: bytes) -> bool:
    """Whether strict reading has something to say that is no fault of the writer."""
    return any(not cue.text for cue in parse_vtt(data).cues)


nice = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
names = nice.map(lambda text: " ".join(text.split())).filter(lambda text: text and text != "Text")


@given(
    st.lists(
        st.tuples(
            nice, st.one_of(st.just("Text"), names), st.integers(0, 10**12), st.integers(1, 10**6)
        ),
        max_size=6,
    )
)
def test_nothing_is_lost_of_what_vtt_can_hold(
    tmp_path_factory: pytest.TempPathFactory, some: list[tuple[str, str, int, int]]
) -> None:
    place = tmp_path_factory.getbasetemp() / "nice.vtt"
    builder = AnnotationCollection(Item(name="a"))
    for text, label, start, length in sorted(some, key=lambda entry: entry[2]):
        builder.add(
            Subtitle(text, label), start_time=start / 1000, end_time=(start + length) / 1000
        )
    report = write_vtt_file(builder, place, on_error="raise")
    assert report.lossless
    assert report.written == len(some)
    back = read_vtt_file(place, on_error="raise")
    assert said(back) == said(builder)
    for given_one, read in zip(builder, back, strict=True):
        assert (read.start_time, read.end_time) == (given_one.start_time, given_one.end_time)
        assert round(read.start_time * 1000) / 1000 == read.start_time


def test_what_a_file_cannot_hold_is_in_the_report(tmp_path: Path) -> None:
    builder = AnnotationCollection(Item(name="a.mp4", fps=25, metadata={"user": {"x": 1}}))
    builder.add(Box(1, 2, 3, 4, "cat"), start_time=0, end_time=1)
    builder.add(Subtitle("no time", "Text"))
    builder.add(Subtitle("frames", "Text"), frame_num=25, end_frame_num=49)
    builder.add(Subtitle("before", "Text"), start_time=-1, end_time=1)
    builder.add(Subtitle("turned", "Text"), start_time=3, end_time=2)
    builder.add(Subtitle("no end", "Text"), start_time=4)
    builder.add(Subtitle("nan", "Text"), start_time=math.nan, end_time=1)
    builder.add(Subtitle("late", "Text"), start_time=1e15, end_time=1e16)
    builder.add(Subtitle("a\n\nb\r", "Text"), start_time=5, end_time=6)
    builder.add(
        Subtitle("rich", " ", {"a": 1}, "words"), object_id=7, start_time=6, end_time=7,
        metadata={"user": {"y": 1, "srt": {"coordinates": "X1:1"}}},
    )  # fmt: skip
    report = write_vtt_file(builder, tmp_path / "a.vtt")
    codes = {code: (entry.status, entry.count) for (_, code), entry in report.codes.items()}
    assert codes == {
        "shape.not_subtitle": ("dropped", 1),
        "vtt.no_time": ("dropped", 1),
        "number.not_finite": ("dropped", 1),
        "number.range": ("dropped", 1),
        "vtt.negative": ("approximated", 1),
        "vtt.order": ("approximated", 1),
        "vtt.no_end": ("approximated", 1),
        "vtt.text": ("approximated", 1),
    }
    assert report.fields == {
        "attributes.a": 1,
        "description": 1,
        "object_id": 1,
        "label": 1,
        "metadata": 1,
        "cue.coordinates": 1,
        "image.metadata": 1,
    }
    file = parse_vtt((tmp_path / "a.vtt").read_bytes(), strict=True)
    assert [(cue.start, cue.end, cue.text) for cue in file.cues] == [
        (0, 1_000, "before"),
        (1_000, 2_000, "frames"),
        (3_000, 3_001, "turned"),
        (4_000, 4_001, "no end"),
        (5_000, 6_000, "a\n\u00a0\nb\n\u00a0"),
        (6_000, 7_000, "rich"),
    ]


@pytest.mark.parametrize(("start", "code"), [(-1, "vtt.negative"), (2, "vtt.order")])
def test_strict_writing_refuses_times_that_cannot_be_shown(
    start: int, code: str, tmp_path: Path
) -> None:
    builder = AnnotationCollection(Item(name="a"))
    builder.add(Subtitle("x", "Text"), start_time=start, end_time=2)
    written(tmp_path / "a.vtt", "old")
    with pytest.raises(FormatError, match=code):
        write_vtt_file(builder, tmp_path / "a.vtt", on_error="raise")
    assert (tmp_path / "a.vtt").read_text() == "old"
    with pytest.raises(OutputError, match="exists"):
        write_vtt_file(builder, tmp_path / "a.vtt", overwrite=False)


def test_frames_follow_from_times_where_the_rate_is_known(tmp_path: Path) -> None:
    source = written(tmp_path / "a.vtt", "WEBVTT\n\n00:00:00.500 --> 00:00:02.000\nx\n")
    found = read_vtt_file(source, Item(name="a.mp4", media="video", fps=25))
    assert (found[0].frame_num, found[0].end_frame_num) == (13, 49)
    assert (found[0].start_time, found[0].end_time) == (0.5, 2.0)
    assert found.item.name == "a.mp4"
    report = write_vtt_file(found, tmp_path / "b.vtt")
    assert report.lossless
    assert (tmp_path / "b.vtt").read_bytes() == source.read_bytes()


def test_lost_cues_are_told_and_may_be_an_error(tmp_path: Path) -> None:
    source = written(tmp_path / "a.vtt", "WEBVTT\n\nx --> y\nlost\n\n0:0:1.5 --> 0:0:2,5\nTeams\n")
    with pytest.warns(UserWarning, match=r"a\.vtt: 1 cues are left out; .*line 3.*vtt\.timing"):
        found = read_vtt_file(source)
    assert [(a.start_time, a.end_time) for a in found] == [(1.5, 2.5)]
    with pytest.raises(FormatError, match=r"line 3: cue with the timing line .*vtt\.timing"):
        read_vtt_file(source, on_error="raise")
    with pytest.warns(UserWarning, match="2 cues"):
        assert len(read_vtt_file(source, vtt_strict=True)) == 0
    with pytest.raises(UsageError, match="vtt_voice"):
        read_vtt_file(source, vtt_voice="joined")


def test_bytes_that_are_no_utf8_are_an_error_or_replaced(tmp_path: Path) -> None:
    source = tmp_path / "a.vtt"
    source.write_bytes(b"WEBVTT\n\n00:01.000 --> 00:02.000\ncaf\xe9\n")
    with pytest.raises(FormatError, match=r"line 4: byte 35 .*encoding\.invalid"):
        read_vtt_file(source)
    found = read_vtt_file(source, vtt_bad_bytes="replace")
    assert said(found) == [("Text", "caf\ufffd")]
    report = dl.convert(source, tmp_path / "b.vtt", on_error="skip", vtt_bad_bytes="replace")
    assert report.repaired == 1


def test_long_texts_and_labels_are_left_out_and_told(tmp_path: Path) -> None:
    source = written(
        tmp_path / "a.vtt",
        f"WEBVTT\n\n00:01.000 --> 00:02.000\n{'é' * 60}\n\n"
        f"00:01.000 --> 00:02.000\n<v {'a' * 60}>x\n",
    )
    for limits in (Limits(cue_text=100), Limits(text=50)):
        report = dl.convert(
            source, tmp_path / "b.vtt", on_error="skip", limits=limits, overwrite=True
        )
        assert (report.skipped, report.written) == (1, 1)
        with pytest.raises(LimitError, match=r"limit\.text"):
            dl.convert(source, tmp_path / "c.vtt", limits=limits)
    builder = AnnotationCollection(Item(name="a"))
    builder.add(
        [Subtitle("x" * 1_100_000, "Text"), Subtitle("x", "y" * 70_000)], start_time=0, end_time=1
    )
    report = write_vtt_file(builder, tmp_path / "d.vtt")
    assert report.dropped == 2


def test_a_cue_of_very_many_voices_is_one_subtitle(tmp_path: Path) -> None:
    text = "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n" + "<v a>x</v>" * 101 + "\n"
    source = written(tmp_path / "a.vtt", text)
    report = dl.convert(source, tmp_path / "b.vtt")
    assert [code for _, code in report.codes] == ["limit.entries"]
    assert (report.read, report.lossless) == (1, True)
    assert (tmp_path / "b.vtt").read_text() == text
    assert said(read_vtt_file(source)) == [("a", "x" * 101)]


# Through the pipeline.


def folder_of(tmp_path: Path) -> Path:
    root = tmp_path / "in"
    written(root / "b.vtt", RICH)
    written(root / "deep" / "er" / "a.VTT", "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Zoe>x\n")
    written(root / "B.vtt", "WEBVTT\n")
    written(root / ".hidden.vtt", "no")
    written(root / ".git" / "x.vtt", "no")
    written(root / "other.txt", "no")
    return root


def test_a_folder_is_read_and_written_with_its_sub_folders(tmp_path: Path) -> None:
    root = folder_of(tmp_path)
    dataset = Dataset.open(root)
    assert dataset.meta.format == "vtt"
    assert len(dataset) == 3
    pairs = list(dataset)
    assert [item.name for item, _ in pairs] == ["B.vtt", "b.vtt", "deep/er/a.VTT"]
    assert [item.number for item, _ in pairs] == [0, 1, 2]
    assert dataset.labels.names == ["Bob", "Ann", "Text", "Zoe"]
    assert list(dataset) == pairs
    report = dl.convert(root, tmp_path / "out", to_format="vtt", on_error="skip")
    assert report.lossless
    files = sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.*"))
    assert files == ["B.vtt", "b_2.vtt", "deep/er/a.vtt"]
    assert ("warning", "path.collision") in report.codes
    assert (tmp_path / "out" / "b_2.vtt").read_text() == RICH


def test_chunks_are_those_of_their_pairs_and_name_their_places(tmp_path: Path) -> None:
    reader = Dataset.open(folder_of(tmp_path)).reader
    chunks = list(reader.chunks(grouped=True))
    assert reader.kinds() == {"other"}
    chunk = chunks[0]
    assert Chunk.of(chunk.pairs(), chunk.labels) == chunk
    assert [chunk.where(row)["location"] for row in range(len(chunk))] == [
        "line 13", "line 17", "line 17", "line 23", "line 26", "line 3",
    ]  # fmt: skip
    assert chunk.where(5)["path"] == "deep/er/a.VTT"
    assert chunk.order.tolist() == list(range(6))


def test_one_bad_file_of_many_is_left_out_and_told(tmp_path: Path) -> None:
    root = folder_of(tmp_path)
    written(root / "bad.vtt", "1\n00:00:01,000 --> 00:00:02,000\nSRT\n")
    (root / "link.vtt").symlink_to("/etc/hostname")
    report = dl.convert(root, tmp_path / "out", to_format="vtt", on_error="skip")
    assert report.files_skipped == 2
    assert {code for status, code in report.codes if status == "file"} == {
        "vtt.header",
        "path.symlink",
    }
    assert report.exit_code() == 1
    with pytest.raises(FormatError, match=r"bad\.vtt.*vtt\.header"):
        dl.convert(root, tmp_path / "out2", to_format="vtt")
    (tmp_path / "none").mkdir()
    with pytest.raises(FormatError, match=r"no file that ends in \.vtt.*schema\.root"):
        dl.convert(tmp_path / "none", tmp_path / "out3", from_format="vtt", to_format="vtt")


def test_several_items_do_not_fit_into_one_file(tmp_path: Path) -> None:
    old = written(tmp_path / "out.vtt", "old")
    with pytest.raises(UsageError, match=r"out\.vtt: is one file.*--to vtt"):
        dl.convert(folder_of(tmp_path), old, overwrite=True)
    assert old.read_text() == "old"
    with pytest.raises(UsageError, match="is one file"):
        dl.convert(folder_of(tmp_path), tmp_path / "new.vtt")
    assert not (tmp_path / "new.vtt").exists()


def test_doubts_are_warnings_that_strict_refuses(tmp_path: Path) -> None:
    body = "00:00:02.000 --> 00:00:01.000\n\n00:00:00.000 --> 00:00:01.000\nx\n\nstray\n"
    source = written(tmp_path / "a.vtt", "WEBVTT\n\n" + body)
    report = dl.convert(source, tmp_path / "out.srt", on_error="skip")
    assert {(status, code): entry.count for (status, code), entry in report.codes.items()} == {
        ("warning", "vtt.order"): 2,
        ("warning", "vtt.empty_cue"): 1,
        ("warning", "vtt.ignored_block"): 1,
        ("approximated", "srt.order"): 1,
    }
    assert report.exit_code() == 0
    with pytest.raises(FormatError, match=r"vtt\.ignored_block|vtt\.order"):
        dl.convert(source, tmp_path / "out2.srt")


def test_stray_text_is_kept_as_a_comment(tmp_path: Path) -> None:
    source = written(tmp_path / "a.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nx\n\nstray\ntext\n")
    first = read_vtt_file(source)
    write_vtt_file(first, tmp_path / "b.vtt")
    assert (tmp_path / "b.vtt").read_text().endswith("\n\nNOTE\nstray\ntext\n")
    second = read_vtt_file(tmp_path / "b.vtt", on_error="raise")
    assert second.item.metadata == first.item.metadata
    assert second.annotations == first.annotations


def test_other_formats_say_that_they_cannot_hold_subtitles(tmp_path: Path) -> None:
    source = written(tmp_path / "a.vtt", RICH)
    for name in ("voc", "coco", "yolo"):
        report = dl.convert(source, tmp_path / name, to_format=name, on_error="skip")
        assert (report.read, report.dropped) == (5, 5)
        dropped = {key[1]: kind.count for key, kind in report.codes.items() if key[0] == "dropped"}
        assert dropped == {"shape.text": 5}


def test_images_have_no_subtitles(tmp_path: Path) -> None:
    sample = Path(dl.__file__).parent / "sample" / "coco"
    report = dl.convert(sample, tmp_path / "out", to_format="vtt", on_error="skip")
    assert report.written == 0
    assert report.dropped == report.read > 0
    assert {code for status, code in report.codes if status == "dropped"} == {"shape.not_subtitle"}
    made = list((tmp_path / "out").rglob("*.vtt"))
    assert len(made) == report.images
    assert {path.read_bytes() for path in made} == {b"WEBVTT\n"}
    assert sum(1 for _ in Dataset.open(tmp_path / "out")) == report.images


def test_nothing_is_written_under_a_dry_run(tmp_path: Path) -> None:
    source = written(tmp_path / "a.vtt", RICH)
    report = dl.convert(source, tmp_path / "out.vtt", dry_run=True, report=tmp_path / "r.json")
    assert report.lossless
    assert not (tmp_path / "out.vtt").exists()
    assert json.loads((tmp_path / "r.json").read_text())["annotations"]["read"] == 5


def test_the_table_of_a_file_tells_its_labels(tmp_path: Path) -> None:
    facts = survey(written(tmp_path / "a.vtt", RICH))
    assert (facts.format, facts.images, facts.annotations) == ("vtt", 1, 5)
    assert facts.labels == {"Bob": 2, "Ann": 2, "Text": 1}
