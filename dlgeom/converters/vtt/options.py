"""Options of WebVTT: light to import, the command line is made from them."""

from __future__ import annotations

from dlgeom.converters.base import Option

__all__ = ["DEFAULT_LABEL", "OPTIONS"]

DEFAULT_LABEL = "Text"
"""Label of subtitles of which nobody says who speaks; what the platform has."""

OPTIONS: tuple[Option, ...] = (
    Option(
        name="vtt_strict",
        help=(
            "Whether times have to be as the specification says; otherwise fields of one digit, "
            "1 to 3 digits after the point and a comma are read too, and told."
        ),
        kind=bool,
        default=False,
        use="read",
    ),
    Option(
        name="vtt_voices",
        help="Whether a cue with several voices is a subtitle for each span, or one for all.",
        choices=("one-per-span", "joined"),
        default="one-per-span",
        use="read",
    ),
    Option(
        name="vtt_speaker",
        help="Whether 'Name: text' names the speaker in cues without voice spans.",
        choices=("none", "prefix"),
        default="none",
        use="read",
    ),
    Option(
        name="vtt_bad_bytes",
        help=(
            "Whether bytes that are no UTF-8 make the file an error, or are replaced by U+FFFD "
            "as browsers do, and told."
        ),
        choices=("error", "replace"),
        default="error",
        use="read",
    ),
    Option(
        name="vtt_label",
        help="Label of subtitles without a voice; a subtitle of this label is written without one.",
        default=DEFAULT_LABEL,
        use="both",
    ),
)
