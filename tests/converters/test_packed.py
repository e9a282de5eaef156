"""Packed files: any frames, any cuts, one set of bytes; bombs and broken files are told."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

import dlgeom
from dlgeom.converters.packed import ENDINGS, Packer, bare_name, is_packed, unpack, unpack_head
from dlgeom.errors import FormatError, LimitError
from dlgeom.limits import Limits

PACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": lambda data: gzip.compress(data, 1),
    ".zst": zstandard.compress,
}
kinds = st.sampled_from(ENDINGS)


def streamed_zstd(data: bytes) -> bytes:
    """A frame that does not say how long it is, as pipes make them."""
    packer = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    return packer.compress(data) + packer.flush()


def pieces_of(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    found = [data[a:b] for a, b in itertools.pairwise(places)]
    return [piece for piece in found if piece]


class Memory:
    """A sink."""

    def __init__(self) -> None:
        self.data = b""
        self.closed = 0

    def write(self, data: bytes) -> None:
        self.data += data

    def close(self) -> None:
        self.closed += 1


def packed(pieces: list[bytes], ending: str) -> bytes:
    sink = Memory()
    packer = Packer(sink, ending)
    for piece in pieces:
        packer.write(piece)
    packer.close()
    assert sink.closed == 1
    return sink.data


@given(
    kinds,
    st.lists(st.binary(max_size=60), min_size=1, max_size=5),
    st.lists(st.integers(0, 999)),
    st.integers(0, 20),
)
def test_all_frames_are_read_wherever_the_file_is_cut(
    ending: str, frames: list[bytes], cuts: list[int], zeros: int
) -> None:
    data = b"".join(PACK[ending](frame) for frame in frames) + bytes(zeros)
    assert is_packed(data)
    assert b"".join(unpack(pieces_of(data, cuts))) == b"".join(frames)
    assert unpack_head(data, 70) == b"".join(frames)[:70]


@given(kinds, st.binary(max_size=300), st.data())
def test_a_cut_file_is_broken_and_never_less_text(ending: str, text: bytes, data: Any) -> None:
    whole = PACK[ending](text)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(FormatError) as caught:
        list(unpack([whole[:cut]] if cut else []))
    assert caught.value.code == "zip.invalid"


@given(kinds, st.binary(max_size=50), st.binary(min_size=1, max_size=9))
def test_what_follows_the_end_is_told(ending: str, text: bytes, tail: bytes) -> None:
    if not tail.strip(b"\0") or is_packed(tail + bytes(4)):
        return
    with pytest.raises(FormatError) as caught:
        list(unpack([PACK[ending](text), tail]))
    assert caught.value.code == "file.trailing_data"


@given(kinds, st.binary(max_size=200), st.integers(4, 99), st.binary(min_size=1, max_size=4))
def test_damage_is_an_error_of_ours_or_harmless(
    ending: str, text: bytes, place: int, other: bytes
) -> None:
    whole = bytearray(packed([text], ending))
    at = place % len(whole)
    whole[at : at + len(other)] = other
    try:
        found = b"".join(unpack([bytes(whole)]))
    except FormatError:
        return
    assert found == text  # both have checksums


@given(kinds, st.binary(max_size=3000), st.lists(st.integers(0, 2999), max_size=20))
def test_the_pieces_do_not_matter_for_the_bytes(ending: str, data: bytes, cuts: list[int]) -> None:
    whole = packed([data], ending)
    assert packed(pieces_of(data, cuts), ending) == whole
    if ending == ".gz":
        assert gzip.decompress(whole) == data
        assert whole[3:8] == bytes(5)  # no name, no time
    else:
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(whole)) as reader:
            assert reader.read() == data


def test_large_pieces_give_the_same_bytes_too() -> None:
    data = json.dumps([random.Random(3).random() for _ in range(60_000)]).encode()
    for ending in ENDINGS:
        whole = packed([data], ending)
        for size in (1 << 20, 131_072, 131_071, 4_096):
            cut = [data[k : k + size] for k in range(0, len(data), size)]
            assert packed(cut, ending) == whole
        assert b"".join(unpack([whole])) == data


def test_frames_that_zstd_skips_are_skipped() -> None:
    other = b"\x53\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"hello"
    data = other + streamed_zstd(b"a") + other + zstandard.compress(b"b") + other
    assert is_packed(data)
    assert b"".join(unpack([data])) == b"ab"


def test_a_window_beyond_all_memory_is_refused() -> None:
    shape = zstandard.ZstdCompressionParameters(window_log=30)
    packer = zstandard.ZstdCompressor(compression_params=shape).compressobj()
    with pytest.raises(FormatError, match="window is larger than 128 MiB"):
        list(unpack([packer.compress(b"a") + packer.flush()]))


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_bomb_meets_the_ratio(ending: str) -> None:
    bomb = PACK[ending](bytes(40 << 20))
    with pytest.raises(LimitError) as caught:
        list(unpack([bomb]))
    assert caught.value.code == "limit.ratio"
    assert "--limit zip_ratio=" in str(caught.value)
    text = unpack([bomb], limits=Limits(zip_ratio=1e6))
    assert sum(map(len, text)) == 40 << 20
    # Little text may shrink as much as it wants to.
    assert sum(map(len, unpack([PACK[ending](bytes(9 << 20))]))) == 9 << 20


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_bomb_costs_little_memory(ending: str, tmp_path: Path) -> None:
    bomb = tmp_path / f"x.json{ending}"
    bomb.write_bytes(PACK[ending](b'{"images":[' + bytes(600 << 20)))
    code = (
        "import resource, sys, dlgeom\n"
        "from dlgeom.converters.coco.read_source import read_head\n"
        "from pathlib import Path\n"
        "import zstandard\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "assert len(read_head(Path(sys.argv[1]))) == 65536\n"
        "try:\n"
        "    dlgeom.convert(sys.argv[1], sys.argv[2], to_format='yolo')\n"
        "except dlgeom.LimitError as error:\n"
        "    print(error.code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    run = [sys.executable, "-c", code, str(bomb), str(tmp_path / "out")]
    told = subprocess.run(run, capture_output=True, text=True, check=True, timeout=60).stdout
    name, grown = told.split()
    assert name == "limit.ratio"
    assert int(grown) < 160 << 10  # KiB: packages that are loaded on the way included


def small() -> dict[str, Any]:
    return {
        "images": [
            {"id": k, "file_name": f"{k:06}.png", "width": 20, "height": 10} for k in (1, 2)
        ],
        "annotations": [
            {
                "id": 1,
                "image_id": 2,
                "category_id": 1,
                "bbox": [1, 1, 3, 3],
                "area": 9,
                "iscrowd": 0,
            }
        ],
        "categories": [{"id": 1, "name": "a"}],
    }


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("mode", ["raise", "skip"])
def test_sources_and_targets(ending: str, mode: Any, tmp_path: Path) -> None:
    text = json.dumps(small()).encode()
    plain, source = tmp_path / "p.json", tmp_path / f"x.json{ending}"
    plain.write_bytes(text)
    source.write_bytes(PACK[ending](text[:99]) + PACK[ending](text[99:]))
    for name in ("out.json", f"out.json{ending}"):
        dlgeom.convert(source, tmp_path / name, on_error=mode)
    dlgeom.convert(plain, tmp_path / "due.json", on_error=mode)
    due = (tmp_path / "due.json").read_bytes()
    assert json.loads(due) == small()
    assert (tmp_path / "out.json").read_bytes() == due
    again = (tmp_path / f"out.json{ending}").read_bytes()
    assert is_packed(again)
    assert b"".join(unpack([again])) == due
    # Packed under the name of a plain file, and as a part of a data set.
    hidden = tmp_path / "hidden.json"
    hidden.write_bytes(source.read_bytes())
    dlgeom.convert(hidden, tmp_path / "out2.json", on_error=mode)
    assert (tmp_path / "out2.json").read_bytes() == due
    dlgeom.convert(
        source, tmp_path / "set", to_format="coco", coco_compress=ending[1:], on_error=mode
    )
    files = [p.relative_to(tmp_path / "set").as_posix() for p in (tmp_path / "set").rglob("*.*")]
    assert files == [f"annotations/instances_train.json{ending}"]
    dlgeom.convert(tmp_path / "set", tmp_path / "out3.json", on_error=mode)
    assert json.loads((tmp_path / "out3.json").read_bytes()) == small()


@pytest.mark.parametrize("ending", ENDINGS)
def test_results_ground_truth_and_panoptic(ending: str, tmp_path: Path) -> None:
    truth, found = tmp_path / f"gt.json{ending}", tmp_path / f"r.json{ending}"
    truth.write_bytes(PACK[ending](json.dumps(small()).encode()))
    one = {"image_id": 2, "category_id": 1, "bbox": [1, 1, 3, 3], "score": 0.5}
    found.write_bytes(PACK[ending](json.dumps([one]).encode()))
    report = dlgeom.convert(found, tmp_path / f"o.json{ending}", ground_truth=truth)
    assert report.written == 1
    data = (tmp_path / f"o.json{ending}").read_bytes()
    assert json.loads(b"".join(unpack([data]))) == [one]
    pan = tmp_path / "pan" / f"panoptic.json{ending}"
    square = {"id": 5, "image_id": 1, "category_id": 1, "segmentation": [[1, 1, 6, 1, 6, 6, 1, 6]]}
    value = {**small(), "annotations": [square]}
    truth.write_bytes(PACK[ending](json.dumps(value).encode()))
    dlgeom.convert(truth, pan, coco_task="panoptic")
    assert {p.name for p in pan.parent.iterdir()} == {pan.name, "panoptic"}
    report = dlgeom.convert(pan, tmp_path / "y", to_format="yolo", task="segment")
    assert (report.written, report.dropped) == (1, 0)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("mode", ["raise", "skip"])
@pytest.mark.parametrize("fault", ["cut", "trailing", "noise"])
def test_broken_files_are_errors_in_both_modes(
    ending: str, mode: Any, fault: str, tmp_path: Path
) -> None:
    data = PACK[ending](json.dumps(small()).encode())
    code = "zip.invalid"
    if fault == "cut":
        data = data[:-3]
    elif fault == "trailing":
        data, code = data + b"PK", "file.trailing_data"
    else:
        data = data[:12] + bytes(range(60, 90)) + data[42:]
    source = tmp_path / f"x.json{ending}"
    source.write_bytes(data)
    with pytest.raises(FormatError) as caught:
        dlgeom.convert(source, tmp_path / "o.json", from_format="coco", on_error=mode)
    assert caught.value.code == code
    assert str(caught.value).startswith(f"x.json{ending}: ")
    assert [p.name for p in tmp_path.iterdir()] == [source.name]


def test_names() -> None:
    assert [bare_name(n) for n in ("a.zst", "a.gz.gz", "gz", ".gz")] == ["a", "a.gz", "gz", ""]
