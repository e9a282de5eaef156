"""SRT: what is read, what is written, and the way to WebVTT and back."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import dlgeom as dl
from dlgeom import AnnotationCollection, Dataset, Item
from dlgeom.converters.problems import Entry
from dlgeom.converters.srt.file import Cue, SrtFile, parse_srt, srt_text
from dlgeom.converters.srt.mapping import fitting
from dlgeom.converters.srt.markup import markup_of_vtt, markup_to_vtt, plain_text
from dlgeom.converters.vtt.cuetext import plain_text as vtt_plain_text
from dlgeom.definitions import Subtitle
from dlgeom.errors import FormatError, LimitError, UsageError
from dlgeom.limits import Limits

TIMES = "00:00:01,000 --> 00:00:02,000"
MORE = "00:00:03,000 --> 00:00:04,000"


def texts_of(file: SrtFile) -> list[str]:
    return [cue.text for cue in file.cues]


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("line", "start", "end"),
    [
        ("00:00:01,5 --> 00:00:02,05", 1_500, 2_050),
        ("00:00:01.250-->00:00:02.5", 1_250, 2_500),
        ("0:0:1,000 --> 0:0:2,000", 1_000, 2_000),
        ("100:00:00,000 --> 1000:00:00,001", 360_000_000, 3_600_000_001),
        ("00:00:01 --> 00:00:02", 1_000, 2_000),
        (" 00:00:01,000\t-->\t00:00:02,000 ", 1_000, 2_000),
        ("00:00:01,000 --> 00:00:02,000  X1:100 X2:200 Y1:1 Y2:2", 1_000, 2_000),
    ],
)
def test_times_are_read_in_all_their_forms(line: str, start: int, end: int) -> None:
    file = parse_srt(f"1\n{line}\nx\n")
    assert [(cue.start, cue.end, cue.text) for cue in file.cues] == [(start, end, "x")]
    assert not file.faults
    assert file.cues[0].coordinates == line.partition("X1")[1] + line.partition("X1")[2]


@pytest.mark.parametrize(
    "line",
    [
        "-00:00:01,000 --> 00:00:02,000",
        "00:00:01,000 --> -00:00:02,000",
        "00:00:75,000 --> 00:01:20,000",
        "00:60:00,000 --> 00:61:00,000",
        "00:00:01,0000 --> 00:00:02,000",
        "00:00:01,000 --> 00:00:02,000x",
        "00:00:01,000 --> ",
        "\u0660\u0660:00:01,000 --> 00:00:02,000",
        "00:0x:01,000 --> 00:00:02,000",
        "x --> y",
    ],
)
def test_bad_times_cost_their_cue_only(line: str) -> None:
    file = parse_srt(f"1\n{TIMES}\ngood\n\n2\n{line}\nbad\n\n3\n{MORE}\nagain\n")
    assert texts_of(file) == ["good", "again"]
    assert [(fault.line, fault.code) for fault in file.faults] == [(6, "srt.timing")]


def test_huge_hours_cost_their_cue_only() -> None:
    file = parse_srt(f"1\n{'9' * 9_000}:00:00,000 --> 00:00:02,000\nbad\n\n2\n{MORE}\nok\n")
    assert texts_of(file) == ["ok"]
    assert [fault.code for fault in file.faults] == ["number.range"]


@pytest.mark.parametrize(
    ("text", "texts", "numbers"),
    [
        (f"1\n{TIMES}\na\n\n2\n{MORE}\nb", ["a", "b"], 0),
        (f"2\n{TIMES}\na\n\n4\n{MORE}\nb\n\n", ["a", "b"], 0),
        (f"{TIMES}\na\n\n{MORE}\nb", ["a", "b"], 2),
        (f"1\n{TIMES}\na\n2\n{MORE}\nb", ["a", "b"], 0),
        (f"1\n{TIMES}\na\n{MORE}\nb", ["a", "b"], 1),
        (f"1\n{TIMES}\na\n\n1\n{MORE}\nb", ["a", "b"], 1),
        (f"1\n{TIMES}\na\n\n-5\n{MORE}\nb", ["a", "b"], 1),
        (f"1\n{TIMES}\na\n\ntwo\n{MORE}\nb", ["a", "b"], 1),
        (f"x\n{TIMES}\na\n\n2\n2\n{MORE}\nb", ["a", "b"], 2),
        (f"1\n{TIMES}\na\n\n2\n\n{MORE}\nb", ["a", "b"], 1),
        (f"1\n{TIMES}\na\n\nb\n\n\nc\n\n2\n{MORE}\nd", ["a\n\nb\n\n\nc", "d"], 0),
        (f"1\n{TIMES}\na\n\n42\n\n2\n{MORE}\nd", ["a\n\n42", "d"], 0),
        (f"1\n{TIMES}\n\n2\n{MORE}\nb", ["", "b"], 0),
        (f"1\n{TIMES}\n\n\n\n2\n{MORE}\n", ["", ""], 0),
        (f"\ufeff1\r\n{TIMES}\r\na\r\nb\r\n\r\n2\r\n{MORE}\r\nc\r\n", ["a\nb", "c"], 0),
        (f"\n\n1\r{TIMES}\ra\r\r2\r{MORE}\rc", ["a", "c"], 0),
        (f"1\n{TIMES}\na --> b\n\n2\n{MORE}\nc", ["a --> b", "c"], 0),
        (f"1\n{TIMES}\nx", ["x"], 0),
        (f"1\n{TIMES}", [""], 0),
    ],
)  # fmt: skip
def test_cues_are_told_apart(text: str, texts: list[str], numbers: int) -> None:
    file = parse_srt(text)
    assert texts_of(file) == texts
    assert [fault.code for fault in file.faults] == ["srt.number"] * numbers


@pytest.mark.parametrize("text", ["", "\n", " \r\n\n", "\ufeff"])
def test_blank_text_has_no_cues(text: str) -> None:
    assert parse_srt(text) == SrtFile()


PIECES = [
    "1\n",
    "2\n",
    "7",
    "-5\n",
    TIMES,
    MORE,
    "00:00:01,5-->0:0:2",
    "\n",
    "\n\n",
    "\r\n",
    " ",
    "x",
    "a --> b",
    "-->",
    ":",
    "<i>",
    "</i>",
    "{\\an8}",
    "\0",
    "\ufeff",
    "\u0661:",
    "word\n",
]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
@example("0\n-->")
def test_every_text_is_read(text: str) -> None:
    file = parse_srt(text)
    for cue in file.cues:
        assert 0 <= cue.start <= 10**15
        assert cue.text == cue.text.strip("\n")
    assert file.timed or not file.cues
    again = parse_srt(srt_text(file.cues))
    assert [(c.start, c.end) for c in again.cues][: len(file.cues)] == [
        (c.start, c.end) for c in file.cues
    ][: len(again.cues)]


cues = st.builds(
    Cue,
    start=st.integers(0, 10**15),
    end=st.integers(0, 10**15),
    text=st.one_of(
        st.lists(st.sampled_from(PIECES), max_size=8).map("".join), st.text(max_size=30)
    ).map(fitting),
    coordinates=st.sampled_from(["", "X1:1 X2:2 Y1:3 Y2:4"]),
)


@given(st.lists(cues, max_size=6), st.sampled_from(["\n", "\r\n"]))
def test_what_is_written_is_read(some: list[Cue], newline: str) -> None:
    text = srt_text(some, newline)
    file = parse_srt(text.encode().decode())
    assert not file.faults
    assert [(c.start, c.end, c.text, c.coordinates) for c in file.cues] == [
        (c.start, c.end, c.text, c.coordinates) for c in some
    ]
    if newline == "\n":
        assert "\r" not in text


@pytest.mark.parametrize(
    "unit", [f"{TIMES}\n", "1\n", "\n", "-->\n", "<", "<i>", "{\\", "9", "9:", " ", "x\n\n"]
)
def test_time_grows_with_the_length_only(unit: str) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        start = time.process_time()
        parse_srt(text)
        parse_srt(f"1\n{TIMES}{text}")
        plain_text(text)
        markup_to_vtt(text)
        fitting(text)
        return time.process_time() - start

    seconds(4_000)
    # A quadratic one needs minutes for these.
    assert seconds(400_000) < 10


@given(
    st.lists(
        st.sampled_from(
            [
                "<i>",
                "</i>",
                "<B>",
                "</b>",
                "<font color=x>",
                "{\\an8}",
                "<",
                ">",
                "&",
                "&lt;",
                "a",
                "\n",
            ]
        )
    ).map("".join)
)
def test_tags_become_those_of_vtt_and_the_text_stays(text: str) -> None:
    payload, whole = markup_to_vtt(text)
    assert vtt_plain_text(payload) == plain_text(text)
    assert whole == ("font" not in text and "{\\" not in text)


def test_tags_of_vtt_become_those_of_srt() -> None:
    assert markup_of_vtt("<b>a</b> <v Bob>c</v>") == ("<b>a</b> c", True)
    assert markup_of_vtt("<b.x>a</b>") == ("<b>a</b>", False)
    assert markup_of_vtt("<c>" * 100 + "a") == ("", False)
    assert markup_of_vtt("a<00:01.000>b") == ("ab", False)


# Files.


def said(collection: AnnotationCollection) -> list[tuple[str | None, str]]:
    return [(a.label, a.annotation_definition.text) for a in collection]


def opened(path: Path, **options: object) -> tuple[AnnotationCollection, list[Entry]]:
    dataset = Dataset.open(path, on_error="skip", **options)
    [(_, collection)] = list(dataset)
    return collection, dataset.problems.entries


def test_sample_files_are_read_and_written_as_they_were(shared_data: Path, tmp_path: Path) -> None:
    found = sorted((shared_data / "vtt" / "real").glob("*.srt"))
    assert len(found) >= 5
    for path in found:
        options = {"srt_encoding": "gb2312"} if "gb2312" in path.name else {}
        first, problems = opened(path, **options)
        assert not problems, path.name
        assert len(first) >= 3
        report = dl.convert(path, tmp_path / path.name, **options)
        assert report.lossless, path.name
        second, problems = opened(tmp_path / path.name)
        assert second.annotations == first.annotations
        assert not problems
        assert list(tmp_path.glob("*.srt"))
        through = tmp_path / f"{path.name}.vtt"
        assert dl.convert(path, through, **options).lossless
        assert said(opened(through)[0]) == said(first)


def test_an_encoding_has_to_be_declared(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "vtt" / "real" / "srt_gb2312.srt"
    with pytest.raises(FormatError, match=r"srt_encoding=.*encoding\.invalid"):
        dl.convert(path, tmp_path / "a.srt")
    with pytest.raises(FormatError, match=r"is no ascii .*encoding\.invalid"):
        dl.convert(path, tmp_path / "a.srt", srt_encoding="ascii")
    for name in ("nothing", "hex", "punycode", "unicode_escape", "idna", "a\0b"):
        with pytest.raises(UsageError, match="srt_encoding"):
            dl.convert(path, tmp_path / "a.srt", srt_encoding=name)
    text = path.read_bytes().decode("gb2312")
    assert opened(path, srt_encoding="GB2312")[0][0].annotation_definition.text in text
    utf8 = written(tmp_path / "utf8.srt", text.encode("utf-8-sig"))
    assert said(opened(utf8)[0]) == said(opened(utf8, srt_encoding="gb2312")[0])
    utf16 = written(tmp_path / "utf16.srt", text.encode("utf-16"))
    found, problems = opened(utf16)
    assert said(found) == said(opened(utf8)[0])
    assert [entry.code for entry in problems] == ["encoding.not_utf8"]


def test_what_is_no_srt_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"it is no SRT.*srt\.timing"):
        opened(written(tmp_path / "a.srt", "Dear reader,\n1\n"))
    with pytest.raises(FormatError, match=r"file\.empty"):
        opened(written(tmp_path / "b.srt", ""))
    assert len(opened(written(tmp_path / "c.srt", "\n"))[0]) == 0


def test_what_is_wrong_is_told_with_its_line(tmp_path: Path) -> None:
    text = (
        f"intro\n\n1\n{TIMES}\na\0\n\ntwo\n{TIMES}\nb\n\n"
        "3\n00:00:75,0 --> 0:1:0,0\nbad\n\n4\n0:0:1,0 --> 0:0:0,5\nc\n"
    )
    found, problems = opened(written(tmp_path / "a.srt", text))
    assert said(found) == [("Text", "a\ufffd"), ("Text", "b"), ("Text", "c")]
    assert [(e.status, e.code, e.location) for e in problems] == [
        ("notice", "text.control", None),
        ("skipped", "srt.timing", "line 1"),
        ("notice", "srt.number", "line 7"),
        ("skipped", "srt.timing", "line 12"),
        ("warning", "srt.order", "line 16"),
    ]
    with pytest.raises(FormatError, match=r"a\.srt:line 1.*srt\.timing"):
        list(Dataset.open(tmp_path / "a.srt"))


def test_tags_and_coordinates_are_kept_until_the_text_changes(tmp_path: Path) -> None:
    source = written(
        tmp_path / "a.srt",
        f"1\n{TIMES} X1:1 Y1:2\n{{\\an8}}<i>Fish</i>\n\n2\n{MORE}\n<b>chips</b>\n\n",
    )
    found, _ = opened(source)
    assert said(found) == [("Text", "Fish"), ("Text", "chips")]
    pairs = Dataset.from_pairs([(found.item, found)])
    assert pairs.write(tmp_path / "b.srt").lossless
    assert (tmp_path / "b.srt").read_bytes() == source.read_bytes()
    found[1].annotation_definition = Subtitle("peas", "Ann")
    report = Dataset.from_pairs([(found.item, found)]).write(tmp_path / "c.srt")
    assert report.fields == {"cue.markup": 1, "label": 1}
    assert (tmp_path / "c.srt").read_text().endswith("\npeas\n\n")
    report = dl.convert(source, tmp_path / "a.vtt")
    assert report.fields == {"cue.markup": 1, "cue.coordinates": 1}
    assert "\n<i>Fish</i>\n" in (tmp_path / "a.vtt").read_text()
    report = dl.convert(tmp_path / "a.vtt", tmp_path / "d.srt", srt_newline="crlf")
    assert report.lossless
    assert b"\r\n<b>chips</b>\r\n\r\n" in (tmp_path / "d.srt").read_bytes()


def test_what_srt_cannot_hold_is_in_the_report(tmp_path: Path) -> None:
    source = written(
        tmp_path / "a.vtt",
        b"WEBVTT\n\nNOTE x\n\nid\n00:01.000 --> 00:02.000 align:start\n<v Ann><c.red>Hi</c>\n\n"
        b"00:02.000 --> 00:03.000\n<v Ann>A</v>\n<v Bob>B</v>\n\n"
        b"00:03.000 --> 00:04.000\n<b>a</b>\n",
    )
    report = dl.convert(source, tmp_path / "a.srt")
    assert (report.read, report.written) == (4, 4)
    assert report.fields == {
        "cue.id": 1,
        "cue.settings": 1,
        "cue.markup": 1,
        "label": 3,
        "image.metadata": 1,
    }
    assert said(opened(tmp_path / "a.srt", srt_label="L")[0]) == [
        ("L", "Hi"), ("L", "A"), ("L", "B"), ("L", "a"),
    ]  # fmt: skip
    builder = AnnotationCollection(Item(name="x/y.mp4"))
    for k, text in enumerate(
        ["<i>a</i>", "\na", "a\n ", "a --> b", "a\rb", "a\n\nb", "{\\an8}x", " "]
    ):
        builder.add(Subtitle(text, "Text"), start_time=k, end_time=k + 1)
    report = Dataset.from_pairs([(builder.item, builder)]).write(tmp_path / "out", format="srt")
    assert report.codes["approximated", "srt.text"].count == 7
    assert report.approximated == 7
    assert said(opened(tmp_path / "out" / "x" / "y.srt")[0]) == [
        ("Text", text) for text in ("a", "a", "a", "a \u2192 b", "a\nb", "a\n\nb", "x", "")
    ]


@given(
    st.lists(
        st.tuples(
            st.one_of(
                st.lists(st.sampled_from(PIECES), max_size=6).map("".join), st.text(max_size=20)
            ),
            st.integers(0, 10**9),
            st.integers(1, 10**6),
        ),
        max_size=5,
    )
)
def test_reading_gives_what_was_written_up_to_the_report(
    tmp_path_factory: pytest.TempPathFactory, some: list[tuple[str, int, int]]
) -> None:
    folder = tmp_path_factory.getbasetemp() / "srt_laws"
    builder = AnnotationCollection(Item(name="a"))
    for text, start, length in sorted(some, key=lambda entry: entry[1]):
        builder.add(
            Subtitle(text, "Text"), start_time=start / 1000, end_time=(start + length) / 1000
        )
    report = Dataset.from_pairs([(builder.item, builder)]).write(
        folder, format="srt", overwrite=True
    )
    back, problems = opened(folder / "a.srt")
    assert not problems
    assert [(a.start_time, a.end_time) for a in back] == [
        (a.start_time, a.end_time) for a in builder
    ]
    changed = sum(a != b for a, b in zip(said(back), said(builder), strict=True))
    assert changed == report.approximated
    assert report.dropped == 0
    assert not report.fields


def test_long_cues_are_left_out_and_told(tmp_path: Path) -> None:
    source = written(tmp_path / "a.srt", f"1\n{TIMES}\n{'a' * 60}\n\n2\n{MORE}\nb\n")
    limits = Limits(cue_text=50)
    report = dl.convert(source, tmp_path / "b.srt", on_error="skip", limits=limits)
    assert (report.skipped, report.written) == (1, 1)
    with pytest.raises(LimitError, match=r"limit\.text"):
        dl.convert(source, tmp_path / "c.srt", limits=limits)


def test_a_folder_of_both_is_told_apart_by_the_user(tmp_path: Path) -> None:
    root = tmp_path / "in"
    root.mkdir()
    written(root / "a.srt", f"1\n{TIMES}\na\n")
    assert Dataset.open(root).meta.format == "srt"
    written(root / "a.vtt", "WEBVTT\n")
    with pytest.raises(UsageError, match="vtt or srt"):
        Dataset.open(root)
    report = dl.convert(root, tmp_path / "out", from_format="srt", to_format="vtt")
    assert (report.images, report.written) == (1, 1)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.vtt"]
