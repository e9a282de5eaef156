"""Hostile subtitles: WebVTT and SRT."""

from __future__ import annotations

from bits import ACCEPT, ERROR, IMAGE, WARN, add

HEAD = "WEBVTT\n\n"
CUE = "00:00:01.000 --> 00:00:02.000\nhello\n"
SRT = "1\n00:00:01,000 --> 00:00:02,000\nhello\n"


def vtt(
    name: str,
    what: str,
    expected: str,
    code: str | None,
    data: str | bytes,
    left: int | None = None,
    **more: object,
) -> None:
    value = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    add(f"vtt-{name}", what, {"p.vtt": value}, expected, code, left, **more)


def cue(name: str, what: str, code: str | None, second: str, left: int = 1, **more: object) -> None:
    """Add a good cue and a second one."""
    like = "vtt-good" if code and left == 1 else None
    vtt(
        f"cue-{name}",
        what,
        WARN if code else ACCEPT,
        code,
        HEAD + CUE + "\n" + second + "\n",
        left,
        like=like,
        **more,
    )


def srt(
    name: str,
    what: str,
    expected: str,
    code: str | None,
    data: str | bytes,
    left: int | None = None,
    **more: object,
) -> None:
    value = data.encode() if isinstance(data, str) else data
    add(f"srt-{name}", what, {"p.srt": value}, expected, code, left, **more)


vtt("good", "the good cue that the others are measured by", ACCEPT, None, HEAD + CUE, 1)
vtt("empty", "no byte", ERROR, "file.empty", b"")
vtt("header-lower", "a header in lower case", ERROR, "vtt.header", "webvtt\n\n" + CUE)
vtt(
    "header-joined",
    "a word that only begins as the header does",
    ERROR,
    "vtt.header",
    "WEBVTTX\n\n" + CUE,
)
vtt("header-late", "a blank line before the header", ERROR, "vtt.header", "\nWEBVTT\n\n" + CUE)
vtt("header-text", "text behind the header", ACCEPT, None, "WEBVTT a title\n\n" + CUE, 1)
vtt("header-cue", "a cue right under the header", ACCEPT, None, "WEBVTT\n" + CUE, 1)
vtt("picture", "a picture", ERROR, "encoding.invalid", IMAGE)
vtt(
    "latin1",
    "a byte that is no UTF-8",
    ERROR,
    "encoding.invalid",
    b"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\ncaf\xe9\n",
)
vtt(
    "utf16",
    "UTF-16 with its mark: WebVTT is UTF-8",
    ERROR,
    "encoding.invalid",
    (HEAD + CUE).encode("utf-16"),
)
vtt(
    "two-marks",
    "two marks",
    ERROR,
    "vtt.header",
    b"\xef\xbb\xbf\xef\xbb\xbf" + (HEAD + CUE).encode(),
)
vtt("17mb", "17 MiB", ERROR, "limit.bytes", HEAD + CUE + "x" * (17 << 20))
vtt("no-cue", "a header alone", ACCEPT, None, "WEBVTT\n", 0)
vtt(
    "note",
    "notes, styles and regions",
    ACCEPT,
    None,
    HEAD + "NOTE x\n\nSTYLE\n::cue { color: red }\n\nREGION\nid:a\n\n" + CUE,
    1,
)
vtt(
    "style-url",
    "a style that fetches",
    ACCEPT,
    None,
    HEAD + "STYLE\n@import url(http://127.0.0.1:9/x.css);\n\n" + CUE,
    1,
)
vtt(
    "block",
    "a block that is no cue",
    WARN,
    "vtt.ignored_block",
    HEAD + "nothing\nof use\n\n" + CUE,
    1,
)
vtt(
    "link",
    "a file that is a link out",
    WARN,
    "path.symlink",
    HEAD + CUE,
    1,
    setup=[{"symlink": "INPUT/q.vtt", "target": "/etc/hostname"}],
)
vtt(
    "fifo",
    "a file that is a pipe",
    WARN,
    "file.not_regular",
    HEAD + CUE,
    1,
    setup=[{"fifo": "INPUT/q.vtt"}],
)
cue("word", "a word for a time", "vtt.timing", "noon --> 00:00:04.000\nx")
cue("one-digit", "one digit for the minutes", "vtt.timing", "0:3.000 --> 0:4.000\nx", 2)
cue("micro", "six digits for the fraction", "vtt.timing", "00:00:03.000000 --> 00:00:04.000000\nx")
cue("seconds-60", "60 seconds", "vtt.timing", "00:00:60.000 --> 00:01:04.000\nx")
cue("arabic", "digits of another script", "vtt.timing", "\u0660\u0660:03.000 --> 00:04.000\nx")
cue(
    "hours-30",
    "hours of 30 digits",
    "number.range",
    f"{'9' * 30}:00:00.000 --> {'9' * 30}:00:01.000\nx",
)
cue("same", "an end at the start", "vtt.order", "00:00:03.000 --> 00:00:03.000\nx", 2)
cue("reversed", "an end before the start", "vtt.order", "00:00:04.000 --> 00:00:03.000\nx", 2)
cue("empty", "no text", "vtt.empty_cue", "00:00:03.000 --> 00:00:04.000\n", 2)
cue(
    "settings",
    "settings that are none",
    None,
    "00:00:03.000 --> 00:00:04.000 align:up size:900% x:1 region:nowhere\nx",
    2,
)
cue(
    "control",
    "control characters in the text",
    None,
    "00:00:03.000 --> 00:00:04.000\na\x01\x1b[2Jb",
    2,
)
cue("nul", "a NUL in the text", None, "00:00:03.000 --> 00:00:04.000\na\0b", 2)
cue(
    "script",
    "a script in the text",
    None,
    "00:00:03.000 --> 00:00:04.000\n<script>x</script><img src=x onerror=1>",
    2,
)
cue("tags", "tags that cross", None, "00:00:03.000 --> 00:00:04.000\n<b><i>x</b></i><v>", 2)
cue(
    "entities",
    "entities, known and not",
    None,
    "00:00:03.000 --> 00:00:04.000\n&lt;&amp;&nbsp;&unknown;&#x41;",
    2,
)
cue(
    "tags-100",
    "100 open tags",
    "limit.depth",
    "00:00:03.000 --> 00:00:04.000\n" + "<i>" * 100 + "x",
)
cue(
    "text-2mb", "a text of 2 MiB", "limit.text", "00:00:03.000 --> 00:00:04.000\n" + "x" * (2 << 20)
)
cue(
    "id-arrow",
    "an identifier with an arrow",
    "vtt.timing",
    "a --> b\n00:00:03.000 --> 00:00:04.000\nx",
    2,
)
cue(
    "blanks",
    "100,000 blanks in a timing line",
    None,
    "00:00:03.000" + " " * 100_000 + "--> 00:00:04.000\nx",
    2,
)
cue(
    "direction",
    "marks that turn the direction of text",
    None,
    "00:00:03.000 --> 00:00:04.000\n\u202eabc\u2066",
    2,
)
vtt("many", "5,000 cues", ACCEPT, None, HEAD + (CUE + "\n") * 5_000, 5_000)

srt("good", "a good cue", ACCEPT, None, SRT, 1)
srt("empty", "no byte", ERROR, "file.empty", b"")
srt("bom", "a mark before the first number", ACCEPT, None, b"\xef\xbb\xbf" + SRT.encode(), 1)
srt(
    "latin1",
    "a byte that is no UTF-8",
    ERROR,
    "encoding.invalid",
    SRT.encode().replace(b"hello", b"h\xe9"),
)
srt("words", "no subtitles at all", ERROR, "srt.timing", "The quick brown fox.\n")
srt(
    "number-missing",
    "no number",
    WARN,
    "srt.number",
    SRT + "\n00:00:03,000 --> 00:00:04,000\nx\n",
    2,
    strict=WARN,
)
srt(
    "number-digits",
    "a number of 5,000 digits",
    WARN,
    "srt.number",
    SRT + "\n" + "9" * 5_000 + "\n00:00:03,000 --> 00:00:04,000\nx\n",
    2,
    strict=WARN,
)
srt(
    "minutes-99",
    "99 minutes",
    WARN,
    "srt.timing",
    SRT + "\n2\n00:99:03,000 --> 00:99:04,000\nx\n",
    1,
)
srt(
    "negative",
    "a negative time",
    WARN,
    "srt.timing",
    SRT + "\n2\n-00:00:03,000 --> 00:00:04,000\nx\n",
    1,
)
srt(
    "reversed",
    "an end before the start",
    WARN,
    "srt.order",
    SRT + "\n2\n00:00:04,000 --> 00:00:03,000\nx\n",
    2,
)
srt(
    "hours",
    "hours of 40 digits",
    WARN,
    "number.range",
    SRT + f"\n2\n{'9' * 40}:00:03,000 --> {'9' * 40}:00:04,000\nx\n",
    1,
)
srt("no-end", "no end", WARN, "srt.timing", SRT + "\n2\n00:00:03,000 -->\nx\n", 1)
srt(
    "tags",
    "tags of fonts that are never closed",
    ACCEPT,
    None,
    SRT + '\n2\n00:00:03,000 --> 00:00:04,000\n<font color="red"><b>x\n',
    2,
)
srt(
    "coordinates",
    "coordinates behind the times",
    ACCEPT,
    None,
    SRT + "\n2\n00:00:03,000 --> 00:00:04,000 X1:1 X2:9 Y1:99999999999 Y2:nan\nx\n",
    2,
)
srt("cut", "cut in a timing line", WARN, "srt.timing", SRT + "\n2\n00:00:0", 1)
srt(
    "text-2mb",
    "a text of 2 MiB",
    WARN,
    "limit.text",
    SRT + "\n2\n00:00:03,000 --> 00:00:04,000\n" + "x" * (2 << 20) + "\n",
    1,
)
add(
    "srt-of-many",
    "one of two files is a picture",
    {"p.srt": SRT.encode(), "q.srt": IMAGE},
    WARN,
    "encoding.invalid",
    1,
)
