"""What a WebVTT file cannot hold, or holds as something else."""

from __future__ import annotations

__all__ = ["CODES"]

CODES: tuple[tuple[str, str], ...] = (
    ("shape.not_subtitle", "no subtitle; the file holds timed texts only"),
    ("vtt.no_time", "subtitle without times, and without frames of a known rate"),
    ("number.not_finite", "subtitle whose times are no finite numbers"),
    ("number.range", "subtitle later than 10^15 ms"),
    ("limit.text", "text or label longer than may be read"),
    ("vtt.negative", "subtitle that starts before 0; written from 0 on"),
    ("vtt.order", "subtitle whose end is not after its start; written with 1 ms"),
    ("vtt.no_end", "subtitle without an end; written with 1 ms"),
    ("vtt.text", "text that a cue cannot hold: empty lines get a no-break space, CR becomes LF"),
)
