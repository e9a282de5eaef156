"""What an SRT file cannot hold, or holds as something else."""

from __future__ import annotations

__all__ = ["CODES"]

CODES: tuple[tuple[str, str], ...] = (
    ("shape.not_subtitle", "no subtitle; the file holds timed texts only"),
    ("srt.no_time", "subtitle without times, and without frames of a known rate"),
    ("number.not_finite", "subtitle whose times are no finite numbers"),
    ("number.range", "subtitle later than 10^15 ms"),
    ("limit.text", "text or label longer than may be read"),
    ("srt.negative", "subtitle that starts before 0; written from 0 on"),
    ("srt.order", "subtitle whose end is not after its start; written with 1 ms"),
    ("srt.no_end", "subtitle without an end; written with 1 ms"),
    (
        "srt.text",
        "text that SRT cannot hold: blank lines around it, '-->', CR, or what it takes for tags",
    ),
)
