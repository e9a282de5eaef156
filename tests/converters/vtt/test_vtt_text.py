"""Parsers and writer of WebVTT on small and on hostile texts."""

from __future__ import annotations

import contextlib
import string
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dlgeom.converters.vtt.compose import WrittenCue, compose
from dlgeom.converters.vtt.cuetext import escaped, parse_cue_text, plain_text, unescaped
from dlgeom.converters.vtt.file import normalised, parse_vtt
from dlgeom.converters.vtt.mapping import payload_of
from dlgeom.converters.vtt.settings import parse_percentage, parse_region, parse_settings
from dlgeom.converters.vtt.timing import parse_timestamp, parse_timing
from dlgeom.converters.vtt.voices import Part, parts_of
from dlgeom.errors import FormatError, LimitError

PIECES = [
    "WEBVTT",
    "\n",
    "\n\n",
    "\r",
    "\r\n",
    "\0",
    "-->",
    " --> ",
    "00:00:01.000",
    "00:01.500",
    "0:0:3.5",
    "00:00:02,000",
    "99:99.000",
    "STYLE",
    "REGION",
    "NOTE",
    "id:a width:50%",
    "region:a",
    "line:0",
    " ",
    "\t",
    "<v Bob>",
    "<v.x Ann &amp; Co>",
    "</v>",
    "<c>",
    "</c>",
    "<i",
    "<",
    ">",
    "&",
    "&amp",
    "&lt;",
    "&#x41;",
    "&#0;",
    "&notit;",
    "<00:01.000>",
    "</ruby>",
    "<ruby>",
    "<rt>",
    "- ",
    "Ann: hi",
    "\u2028",
    "\x0b",
    "\x0c",
    "\u0661",
    "\ufeff",
    "x",
    "a b",
    "\u00a0",
]
hostile = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
texts = st.one_of(hostile, st.text(max_size=60))
milliseconds = st.integers(0, 10**15)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("00:00.000", 0),
        ("59:59.999", 3_599_999),
        ("0:00:01.000", 1_000),
        ("100:00:00.000", 360_000_000),
        ("1088:42:00.500", 3_919_320_500),
        ("60:00:00.000", 216_000_000),
        ("75:10.000", None),
        ("000:00.000", None),
        ("0:00.000", None),
        ("00:60.000", None),
        ("00:00:60.000", None),
        ("00:00:01,000", None),
        ("00:00:01.5", None),
        ("00:00:01.0000", None),
        ("00:0:01.000", None),
        ("\u0660\u0660:00.000", None),
        ("-00:00.000", None),
        ("00:00.000 ", None),
        ("", None),
    ],
)
def test_timestamps_are_those_of_the_specification(text: str, ms: int | None) -> None:
    assert parse_timestamp(text) == ms


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("0:0:3.5 --> 0:0:4.25", (3_500, 4_250, "")),
        ("00:00:03,000 --> 00:00:04,5 align:end", (3_000, 4_500, "align:end")),
        ("1:2.3-->1:2.4", (62_300, 62_400, "")),
        ("00:00:01.0000 --> 00:00:02.000", None),
        ("00:00:01 --> 00:00:02", None),
        ("0:75:00.000 --> 0:76:00.000", None),
        ("00:99:01.000 --> 00:99:02.000", None),
        ("-0:0:1.0 --> 0:0:2.0", None),
        ("\x0b0:0:1.0 --> 0:0:2.0", None),
        ("\u0660:0:1.0 --> 0:0:2.0", None),
    ],
)
def test_the_lenient_form_is_told(line: str, found: tuple[int, int, str] | None) -> None:
    assert parse_timing(line, strict=True) is None
    timing = parse_timing(line)
    if found is None:
        assert timing is None
    else:
        assert timing is not None
        assert timing.lenient
        assert (timing.start, timing.end, timing.settings) == found


@pytest.mark.parametrize(
    ("line", "settings"),
    [
        ("00:00:00.000-->00:00:01.000align:end", "align:end"),
        ("\t00:00.000\t-->\f00:01.000\tx ", "x"),
        ("00:00.000 --> 00:01.000x", "x"),
        ("00:00.000 --> 00:01.000 a --> b", "a --> b"),
    ],
)
def test_what_follows_the_end_is_settings(line: str, settings: str) -> None:
    timing = parse_timing(line, strict=True)
    assert timing is not None
    assert (timing.start, timing.end, timing.settings, timing.lenient) == (
        0,
        1_000,
        settings,
        False,
    )


def test_hours_without_end_cost_their_cue_only() -> None:
    file = parse_vtt(
        f"WEBVTT\n\n{'9' * 9_000}:00:00.000 --> 00:01.000\na\n\n00:00.000 --> 00:01.000\nb"
    )
    assert [cue.text for cue in file.cues] == ["b"]
    assert [(fault.line, fault.code) for fault in file.faults] == [(3, "number.range")]


@pytest.mark.parametrize(
    "head", ["", "WEBVT", "webvtt", "WEBVTTx", " WEBVTT", "\nWEBVTT", "\ufeff\ufeffWEBVTT"]
)
def test_what_does_not_start_as_webvtt_is_none(head: str) -> None:
    with pytest.raises(FormatError, match=r"starts with WEBVTT .*vtt\.header"):
        parse_vtt(head)


@pytest.mark.parametrize("head", ["WEBVTT", "WEBVTT\n", "WEBVTT x", "WEBVTT\t", "\ufeffWEBVTT\r"])
def test_a_signature_alone_is_an_empty_file(head: str) -> None:
    file = parse_vtt(head)
    assert (file.cues, file.blocks, file.faults) == ([], [], [])


def test_blocks_end_and_start_as_the_specification_says() -> None:
    file = parse_vtt(
        "WEBVTT kind\nLanguage: en\n00:00.000 --> 00:01.000\nheader ends\n\n"
        "STYLE \n::cue{}\n\n \n00:01.000 --> 00:02.000\ntext\n00:02.000 --> 00:03.000\nnext\n\n"
        "NOTE\n00:03.000 --> 00:04.000\n\nNOTE a\ncomment\n\nlost\n\n00:05.000 -> 00:06.000\nbad\n"
        "00:0x.000 --> 00:06.000\nlost too\n\n00:07.000 --> 00:08.000"
    )
    assert file.header == " kind\nLanguage: en"
    assert [(cue.id, cue.text, cue.line) for cue in file.cues] == [
        ("", "header ends", 3),
        (" ", "text", 10),
        ("", "next", 12),
        ("NOTE", "", 16),
        ("", "", 28),
    ]
    assert [(b.kind, b.before) for b in file.blocks] == [
        ("ignored", 1),  # a style sheet after a cue
        ("comment", 4),
        ("ignored", 4),
        ("ignored", 4),
    ]
    assert [fault.line for fault in file.faults] == [25]


def test_a_failed_cue_does_not_end_the_time_of_style_sheets() -> None:
    file = parse_vtt(
        "WEBVTT\n\n0x --> 1\n\nSTYLE\na\n\nREGION\nid:r\n\n00:00.000 --> 00:01.000\n\nREGION\nid:s"
    )
    assert file.stylesheets == ["a"]
    assert [region.id for region in file.regions] == ["r"]


@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join), st.booleans())
@example("\n-->", False)
def test_every_text_after_the_signature_is_read(text: str, strict: bool) -> None:
    file = parse_vtt(f"WEBVTT\n{text}", strict=strict)
    assert file.lenient == (0 if strict else file.lenient)
    for cue in file.cues:
        assert 0 <= cue.start <= 10**15
        assert "\n\n" not in cue.text
        assert "-->" not in cue.text
        parse_settings(cue.settings, [region.id for region in file.regions])
        assert plain_text(cue.text) == "".join(texts_of(parse_cue_text(cue.text)))
        assert parts_of(cue.text)
        assert parts_of(cue.text, joined=True, prefix=True)


def texts_of(children: list) -> list[str]:
    found = []
    for child in children:
        if hasattr(child, "children"):
            found += texts_of(child.children)
        elif isinstance(child.value, str):
            found.append(child.value)
    return found


@given(st.binary(max_size=200))
def test_bytes_are_decoded_as_browsers_do(data: bytes) -> None:
    text = normalised(data)
    assert "\0" not in text
    assert "\r" not in text
    try:
        parse_vtt(b"WEBVTT\n\n" + data)
    except FormatError:
        pytest.fail("the signature is there")


@given(texts)
def test_an_escaped_text_means_itself(text: str) -> None:
    assert plain_text(escaped(text)) == text
    assert unescaped(escaped(text)) == text
    assert "-->" not in escaped(text)


@given(texts)
def test_tags_and_text_are_the_same_whichever_way_they_are_read(text: str) -> None:
    assert plain_text(text) == "".join(texts_of(parse_cue_text(text)))


@given(texts, st.one_of(st.none(), texts))
def test_a_payload_says_text_and_label(text: str, label: str | None) -> None:
    payload = payload_of(text, label, "Text")
    assert not payload.startswith("\n")
    assert not payload.endswith("\n")
    assert "\n\n" not in payload
    parts = parts_of(payload)
    assert len(parts) == 1
    plain = "\r" not in text and "\0" not in text and all(line for line in text.split("\n"))
    if plain and text.isprintable():
        assert parts[0].text == text
    if label is not None and label != "Text" and label.isalnum():
        assert parts[0].voice == label


cues = st.builds(
    WrittenCue,
    start=milliseconds,
    end=milliseconds,
    payload=st.builds(payload_of, texts, st.one_of(st.none(), texts), st.just("Text")),
    id=st.text(string.ascii_letters + " :-&<\t", max_size=8),
    settings=st.lists(
        st.sampled_from(
            ["align:start", "line:0", "line:-1,end", "position:10%", "size:50%", "x", "region:a"]
        ),
        max_size=4,
    ).map(" ".join),
)


@given(st.lists(cues, max_size=5))
def test_what_is_written_is_read(written: list[WrittenCue]) -> None:
    for cue in written:
        cue.id = cue.id.replace("-->", "")
    text, whole = compose(written, {})
    assert whole
    assert text.endswith("\n")
    file = parse_vtt(text.encode("utf-8"), strict=True)
    assert not file.faults
    assert not file.blocks
    assert [(c.start, c.end, c.text, c.id, c.settings) for c in file.cues] == [
        (c.start, c.end, c.payload, c.id, c.settings) for c in written
    ]


@given(
    texts,
    st.lists(
        st.fixed_dictionaries(
            {
                "kind": st.sampled_from(["style", "region", "comment", "other"]),
                "text": st.one_of(texts, texts.map(lambda text: f"NOTE {text}")),
                "before": st.integers(-1, 3),
            }
        ),
        max_size=3,
    ),
)
def test_header_and_blocks_never_break_the_file(header: str, blocks: list) -> None:
    """Whatever somebody puts into the metadata, it comes back as it was or is told as lost."""
    some = [WrittenCue(0, 1_000, "a"), WrittenCue(1_000, 2_000, "b")]
    text, whole = compose(some, {"header": header, "blocks": blocks})
    file = parse_vtt(text.encode(), strict=True)
    assert [(c.start, c.text) for c in file.cues] == [(0, "a"), (1_000, "b")]
    assert not file.faults
    if whole:
        assert file.header == header
        assert sorted((b.kind, b.text) for b in file.blocks) == sorted(
            (b["kind"], b["text"]) for b in blocks
        )


@pytest.mark.parametrize(
    "bad", [None, 1, {"a": 1}, "x", [None], [{"kind": "style"}], [{"text": 3}]]
)
def test_metadata_of_another_kind_is_told(bad: object) -> None:
    text, whole = compose([], {"blocks": bad, "header": bad})
    assert not whole
    assert parse_vtt(text).cues == []


def test_settings_keep_and_drop_the_region_in_order() -> None:
    assert parse_settings("region:a line:0", ["a"]).region is None
    assert parse_settings("line:0 region:a", ["a"]).region == "a"
    assert parse_settings("region:a size:100%", ["a"]).region == "a"
    assert parse_settings("region:a size:99%", ["a"]).region is None
    assert parse_settings("region:a vertical:rl", ["a"]).region is None
    assert parse_settings("region:b", ["a"]).region is None
    assert parse_settings("Line:1 align:START").line == "auto"
    assert parse_region("id:r lines:x scroll:down width:101%").lines == 3


@given(st.text("0123456789.,%-e:", max_size=12))
def test_percentages_are_between_0_and_100(text: str) -> None:
    value = parse_percentage(text)
    assert value is None or 0 <= value <= 100
    assert parse_percentage("-0%") is None
    for name in ("line", "position", "size"):
        parse_settings(f"{name}:{text}")


@pytest.mark.parametrize(
    ("payload", "parts"),
    [
        ("plain", [("plain", None)]),
        ("<v Bob>hi", [("hi", "Bob")]),
        ("<i><v.loud  Bob\tLee >hi</v></i> ", [("hi ", "Bob Lee")]),
        ("<v Bob></v>", [("", "Bob")]),
        ("<v>hi</v>", [("hi", None)]),
        ("<v Ann>a</v>\n<v Bob>b</v>", [("a", "Ann"), ("b", "Bob")]),
        ("- <v Ann>a\n- <v Bob>b", [("a", "Ann"), ("b", "Bob")]),
        ("<v Ann>a</v> (laughs) <v Bob>b</v>", [("a", "Ann"), ("(laughs)", None), ("b", "Bob")]),
        ("<v Ann>a<v Bob>b</v>c</v>", [("a", "Ann"), ("b", "Bob"), ("c", "Ann")]),
        ("<v Ann>a</v><v Ann>b</v>", [("a", "Ann"), ("b", "Ann")]),
        ("<v R&amp;D>x", [("x", "R&D")]),
    ],
)
def test_voices_are_told_apart(payload: str, parts: list[tuple[str, str | None]]) -> None:
    assert parts_of(payload) == [Part(*part) for part in parts]
    joined = parts_of(payload, joined=True)
    assert len(joined) == 1
    if len(parts) > 1:
        assert joined[0].text == plain_text(payload)
        assert joined[0].voice == ("Ann" if {voice for _, voice in parts} == {"Ann"} else None)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Ann: hi", [("hi", "Ann")]),
        ("Ann: hi\nthere\nBob Lee: yo", [("hi\nthere", "Ann"), ("yo", "Bob Lee")]),
        ("- Ann: hi\n- Bob: yo", [("hi", "Ann"), ("yo", "Bob")]),
        ("10:30 Meeting: now", [("10:30 Meeting: now", None)]),
        ("so, he said: no", [("so, he said: no", None)]),
        ("http://x", [("http://x", None)]),
        ("Ann:", [("Ann:", None)]),
        ("a b c d e f g: no", [("a b c d e f g: no", None)]),
        ("text\nAnn: hi", [("text\nAnn: hi", None)]),
        ("<v Bob>Ann: hi", [("Ann: hi", "Bob")]),
    ],
)
def test_names_in_front_are_speakers_only_if_asked(text: str, parts: list) -> None:
    assert parts_of(text, prefix=True) == [Part(*part) for part in parts]
    assert len(parts_of(text)) == 1


@given(st.text(" \t\nab.&;<>/v", max_size=8), st.text("ab &;\n>", max_size=6), st.booleans())
def test_a_plain_voice_span_is_what_the_tree_says(name: str, text: str, closed: bool) -> None:
    payload = f"<v {name}>{text}{'</v>' if closed else ''}"
    # An empty tag changes nothing but the way it is read.
    assert parts_of(payload) == parts_of(payload + "<q>")


def test_depth_has_a_limit_and_needs_no_recursion() -> None:
    with pytest.raises(LimitError, match="limit depth"):
        parse_cue_text("<c>" * 20_000)
    assert plain_text("<c>" * 20_000 + "x") == "x"
    assert len(parse_cue_text("<c>" * 64)) == 1


@pytest.mark.parametrize(
    "unit",
    [
        "<c>",
        "</c>",
        "<c></c>",
        "x<q>",
        "<",
        "&",
        "&a",
        "&#1",
        "<v a>x</v>",
        "<.a",
        "a.b.",
        "-->\n",
        "\n",
        " ",
        "<00:00.000>",
        "Ann: ",
        "- ",
        "a --> b\n\n",
        "NOTE\n",
        "0:",
        "9",
        "line:0 ",
        "\r",
        "\t\n",
        "STYLE\n",
    ],
)
def test_time_grows_with_the_length_only(unit: str) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        start = time.process_time()
        plain_text(text)
        unescaped(text)
        parse_settings(text)
        parse_region(text)
        parse_timing(text + "-->" + text)
        for options in ({}, {"joined": True}, {"prefix": True}):
            with contextlib.suppress(LimitError):
                parts_of(text, **options)
        parse_vtt("WEBVTT\n\n" + text)
        parse_vtt("WEBVTT\n\n00:00.000 --> 00:01.000 " + text)
        return time.process_time() - start

    seconds(4_000)
    # A quadratic one needs minutes for these.
    assert seconds(400_000) < 10
