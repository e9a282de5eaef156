"""Frames and times are exact inverses, for all rates."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlgeom.errors import UsageError
from dlgeom.video.timebase import (
    as_rate,
    as_seconds,
    frame_at,
    frame_of_time,
    milliseconds,
    subtitle_frames,
    time_of_frame,
)

NTSC = [Fraction(n * 1000, 1001) for n in (12, 15, 24, 30, 48, 60, 120, 240)]
RATES = [*NTSC, *map(Fraction, (1, 5, 10, 24, 25, 30, 50, 60, 100, 144, 240, 500))]
rates = st.one_of(
    st.sampled_from(RATES),
    st.fractions(min_value=Fraction(1, 100), max_value=500, max_denominator=1001),
)
frames = st.integers(0, 10**7)


@pytest.mark.parametrize(
    ("given_rate", "exact"),
    [
        (23.976, Fraction(24000, 1001)),
        (29.97, Fraction(30000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (119.88, Fraction(120000, 1001)),
        (14.985, Fraction(15000, 1001)),
        ("29.97", Fraction(30000, 1001)),
        (Decimal("23.976"), Fraction(24000, 1001)),
        ("30000/1001", Fraction(30000, 1001)),
        (Fraction(2997, 100), Fraction(2997, 100)),
        (24, Fraction(24)),
        (24.0, Fraction(24)),
        (5.0, Fraction(5)),
        (4.0, Fraction(4)),
        (1000, Fraction(1000)),
        (12.5, Fraction(25, 2)),
        (7.5, Fraction(15, 2)),
        (0.1, Fraction(1, 10)),
    ],
)
def test_rates_are_exact(given_rate: object, exact: Fraction) -> None:
    assert as_rate(given_rate) == exact


@pytest.mark.parametrize(
    "bad", [0, -1, math.nan, math.inf, "x", "1/0", True, None, "", "٣", "1e9999", [25]]
)
def test_what_is_no_rate_is_refused(bad: object) -> None:
    with pytest.raises(UsageError):
        as_rate(bad)


@given(frames, rates)
def test_the_nearest_frame_of_its_time_is_the_frame_itself(frame: int, rate: Fraction) -> None:
    seconds = time_of_frame(frame, rate)
    assert frame_of_time(seconds, rate) == frame
    assert frame_at(seconds, rate) == frame_at(seconds, rate, tolerance=0) == frame


@given(frames, rates)
def test_rounding_to_milliseconds_does_not_change_the_frame(frame: int, rate: Fraction) -> None:
    told = milliseconds(time_of_frame(frame, rate)) / 1000
    assert frame_of_time(told, rate) == frame
    assert frame_at(told, rate) == frame


@given(frames, st.integers(0, 10**5), rates)
def test_a_range_of_frames_comes_back_from_its_times(first: int, more: int, rate: Fraction) -> None:
    start, end = time_of_frame(first, rate), time_of_frame(first + more + 1, rate)
    assert subtitle_frames(start, end, rate) == (first, first + more)
    assert subtitle_frames(start, end, rate, tolerance=0) == (first, first + more)
    told = milliseconds(start) / 1000, milliseconds(end) / 1000
    assert subtitle_frames(*told, rate) == (first, first + more)


@given(
    st.fractions(min_value=0, max_value=1000, max_denominator=10**6),
    st.fractions(min_value=0, max_value=10, max_denominator=10**6),
    rates,
)
def test_exact_frames_of_a_range_are_those_that_appear_in_it(
    start: Fraction, length: Fraction, rate: Fraction
) -> None:
    end = start + length
    first, last = subtitle_frames(start, end, rate, tolerance=0)
    assert first <= last
    if first / rate >= start:
        assert (first - 1) / rate < start <= first / rate
        assert last / rate < end <= (last + 1) / rate or first == last
    else:  # no frame appears in it
        assert first == last == math.floor(start * rate)
        assert (first + 1) / rate >= end


@given(st.integers(0, 2**51))
def test_milliseconds_survive_as_float_seconds(ms: int) -> None:
    assert milliseconds(ms / 1000) == ms
    assert round(ms / 1000 * 1000) == ms


@given(st.decimals(min_value=0, max_value=10**6, places=4))
def test_halves_of_milliseconds_go_up(value: Decimal) -> None:
    assert milliseconds(value) == math.floor(Fraction(value) * 1000 + Fraction(1, 2))
    assert milliseconds(float(value)) == milliseconds(value)


def test_times_mean_their_decimal_text() -> None:
    assert as_seconds(0.1) == Fraction(1, 10)
    assert milliseconds(1.0005) == 1001
    assert milliseconds(1.9996) == 2000
    for bad in (math.nan, math.inf, None, "soon"):
        with pytest.raises(UsageError):
            as_seconds(bad)
