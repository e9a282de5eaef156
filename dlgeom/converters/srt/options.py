"""Options of SRT: light to import, the command line is made from them."""

from __future__ import annotations

from dlgeom.converters.base import Option
from dlgeom.converters.vtt.options import DEFAULT_LABEL

__all__ = ["OPTIONS"]

OPTIONS: tuple[Option, ...] = (
    Option(
        name="srt_encoding",
        help=("Encoding of files that are no UTF-8, such as gb2312 or cp1252; nothing is guessed."),
        use="read",
    ),
    Option(
        name="srt_label",
        help="Label of all subtitles, and the label that is not counted as lost: SRT has none.",
        default=DEFAULT_LABEL,
        use="both",
    ),
    Option(
        name="srt_newline",
        help="Line breaks: LF, or CR LF as old players want them.",
        choices=("lf", "crlf"),
        default="lf",
    ),
)
