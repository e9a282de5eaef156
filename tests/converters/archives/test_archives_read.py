"""Zip and tar files: a data set in one converts as its folder; what is odd is told or refused."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

import dlgeom as dl
from dlgeom.cli.run import run
from dlgeom.converters import lazy
from dlgeom.converters.archives.kinds import archive_ending
from dlgeom.converters.archives.layout import Noted, lay_out
from dlgeom.converters.archives.room import Room
from dlgeom.converters.archives.sources import LocalBytes
from dlgeom.converters.places import place_of
from dlgeom.errors import DlgeomError, FormatError, LimitError
from dlgeom.limits import DEFAULT_LIMITS, Limits

SAMPLE = Path(dl.__file__).parent / "sample" / "coco"
ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
FORMATS = ("coco", "yolo", "voc", "dataloop")


@pytest.fixture(autouse=True)
def own_temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the test a folder for temporary files, which is empty at the end."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    yield place
    assert list(place.iterdir()) == []
    assert not lazy._stores


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def packed(data: bytes, ending: str) -> bytes:
    if ending in (".tar.gz", ".tgz"):
        return gzip.compress(data)
    if ending == ".tar.bz2":
        return bz2.compress(data)
    if ending == ".tar.xz":
        return lzma.compress(data)
    if ending == ".tar.zst":
        return zstandard.compress(data)
    return data


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as file:
        for name, data in files.items():
            file.writestr(name, data)
    return target.getvalue()


def tarred(files: dict[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=form) as file:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return target.getvalue()


def archive(files: dict[str, bytes], place: Path) -> Path:
    ending = archive_ending(place.name)
    place.write_bytes(zipped(files) if ending == ".zip" else packed(tarred(files), ending))
    return place


def laid_out(
    data: bytes, name: str, place: Path, limits: Limits = DEFAULT_LIMITS, fill: bool = True
) -> tuple[dict[str, bytes], list[tuple[str, str, str, str]]]:
    """Return the files of an archive, and what was told."""
    path = place / name
    path.write_bytes(data)
    source = LocalBytes(path, name)
    noted = Noted(name)
    room = Room("x", name)
    try:
        lay_out(source, archive_ending(name), room, limits, noted)
        if fill:
            room.fill_all()
        return tree(Path(room.root)), noted.entries
    finally:
        room.close()
        source.close()


# -- as its folder ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data_sets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    found = {}
    for name in FORMATS:
        place = tmp_path_factory.mktemp("sets") / name
        dl.convert(SAMPLE, place, to_format=name, image_files="copy", on_error="skip")
        found[name] = place
    return found


@pytest.mark.parametrize("wrapped", [False, True], ids=["plain", "in a folder"])
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("form", FORMATS)
def test_an_archive_converts_to_the_bytes_of_its_folder(
    form: str, ending: str, wrapped: bool, data_sets: dict[str, Path], tmp_path: Path
) -> None:
    folder = data_sets[form]
    start = f"{form}/" if wrapped else ""
    files = {start + name: data for name, data in tree(folder).items()}
    source = archive(files, tmp_path / f"{form}{ending}")
    target = "coco" if form == "yolo" else "yolo"
    settings_ = {"to_format": target, "image_files": "copy", "on_error": "skip"}
    one = dl.convert(source, tmp_path / "one", **settings_)
    two = dl.convert(folder, tmp_path / "two", **settings_)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    assert one.summary()["annotations"] == two.summary()["annotations"]
    assert source.read_bytes() == archive(files, tmp_path / f"again{ending}").read_bytes() or (
        ending == ".tgz" or ending == ".tar.gz" or ending == ".zip"
    )


@pytest.mark.parametrize("form", ["vtt", "srt"])
def test_subtitles_in_an_archive(form: str, tmp_path: Path) -> None:
    stamp = "00:00:01.000 --> 00:00:02.000" if form == "vtt" else "00:00:01,000 --> 00:00:02,000"
    head = "WEBVTT\n\n" if form == "vtt" else "1\n"
    text = f"{head}{stamp}\nhello\n".encode()
    folder = tmp_path / "talks"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.{form}").write_bytes(text)
    source = archive({f"talks/{n}": d for n, d in tree(folder).items()}, tmp_path / "talks.zip")
    for name, place in (("one", source), ("two", folder)):
        dl.convert(place, tmp_path / name, to_format="dataloop")
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_a_single_file_in_an_archive(tmp_path: Path) -> None:
    text = (SAMPLE / "annotations" / "instances_train.json").read_bytes()
    source = archive({"some/where/x.json": text}, tmp_path / "a.tar.gz")
    with dl.open_dataset(source, on_error="skip") as found:
        assert found.meta.format == "coco"
        assert sum(1 for _ in found) == 5


def test_a_path_into_an_archive(tmp_path: Path) -> None:
    files = tree(SAMPLE) | {"other/b.json": b"{}"}
    source = archive(files, tmp_path / "a.zip")
    inside = source / "annotations" / "instances_train.json"
    dl.convert(inside, tmp_path / "one.json", on_error="skip")
    dl.convert(SAMPLE / inside.relative_to(source), tmp_path / "two.json", on_error="skip")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    with pytest.raises(dl.DlgeomError, match=r"a\.zip/nothing: no such file"):
        dl.convert(source / "nothing", tmp_path / "three.json")


@pytest.mark.parametrize("ending", [".zip", ".tar.xz"])
def test_every_command_reads_archives(
    ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = str(archive(tree(SAMPLE), tmp_path / f"a{ending}"))
    folder, out = str(SAMPLE), str(tmp_path / "out")
    for words in (
        ["info"],
        ["stats"],
        ["validate"],
        ["diff", folder],
        ["filter", out + "1", "--where", "area > 10"],
        ["relabel", out + "2", "--rename", "person=human"],
        ["split", out + "3", "--parts", "a=0.5,b=0.5"],
        ["merge", folder, out + "4"],
        ["render", out + "5", "--kind", "overlay"],
        ["view", "--out", out + "6.html"],
        ["validate", "--fix", out + "7"],
    ):
        command, *rest = words
        if command == "split":
            rest = [rest[0], *_split_words(rest[1:])]
        code = run([command, source, *rest])
        heard = capsys.readouterr()
        assert code in (0, 1), (words, heard.err)
        assert str(tmp_path / "temporary") not in heard.out + heard.err
    same = tree(tmp_path / "out5")
    run(["render", folder, out + "8", "--kind", "overlay"])
    assert same == tree(tmp_path / "out8")
    assert str(tmp_path / "temporary").encode() not in (tmp_path / "out6.html").read_bytes()


def _split_words(words: list[str]) -> list[str]:
    return [f"--parts={words[1]}"] if words else []


def test_images_are_read_from_archives(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    shutil.copytree(SAMPLE, folder)
    path = folder / "annotations" / "instances_train.json"
    text = path.read_text("utf-8")
    import json

    content = json.loads(text)
    for image in content["images"]:
        image.pop("width", None)
        image.pop("height", None)
    path.write_text(json.dumps(content))
    images = {n: d for n, d in tree(folder).items() if n.startswith("images/")}
    for ending in (".zip", ".tar", ".tar.gz"):
        whole = archive(tree(folder), tmp_path / f"whole{ending}")
        only = archive(images, tmp_path / f"images{ending}")
        for number, (source, more) in enumerate(
            [(whole, {}), (path, {"images": only}), (folder, {})]
        ):
            dl.convert(
                source,
                tmp_path / f"{ending[1:]}{number}",
                to_format="yolo",
                on_error="skip",
                **more,
            )
        same = [tree(tmp_path / f"{ending[1:]}{number}") for number in range(3)]
        assert same[0] == same[1] == same[2]


def test_images_that_nobody_needs_stay_packed(tmp_path: Path) -> None:
    files = tree(SAMPLE)
    for ending in ENDINGS:
        data = archive(files, tmp_path / f"a{ending}").read_bytes()
        found, _ = laid_out(data, f"a{ending}", tmp_path, fill=False)
        for name, content in found.items():
            assert content == (files[name] if name.endswith(".json") else b"")
        found, _ = laid_out(data, f"a{ending}", tmp_path)
        assert found == files


# -- as the standard library reads it -----------------------------------------------------------

NAMES = st.text(st.sampled_from("abcXYZ019_-. äß漢é\u0301"), min_size=1, max_size=12).filter(
    lambda n: n.strip(". ") == n and not n.startswith("._")
)
FILES = st.dictionaries(
    st.lists(NAMES, min_size=1, max_size=3).map("/".join),
    st.binary(max_size=300) | st.integers(0, 70_000).map(lambda n: b"\1\2\3" * n),
    min_size=1,
    max_size=5,
).filter(
    lambda files: (
        len({n.casefold() for n in files}) == len(files)
        and not any(b.startswith(a + "/") for a in files for b in files)
    )
)
METHODS = st.sampled_from(
    [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
LENIENT = DEFAULT_LIMITS.replace(zip_ratio=1e6)


@given(files=FILES, method=METHODS)
@settings(max_examples=150, deadline=None)
def test_zips_of_the_standard_library_come_back(files: dict[str, bytes], method: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        found, _ = laid_out(zipped(files, method), "a.zip", Path(place), LENIENT)
    assert found == files


@given(
    files=FILES,
    form=st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT]),
    ending=st.sampled_from(ENDINGS[1:]),
)
@settings(max_examples=150, deadline=None)
def test_tars_of_the_standard_library_come_back(
    files: dict[str, bytes], form: int, ending: str
) -> None:
    with tempfile.TemporaryDirectory() as place:
        data = packed(tarred(files, form), ending)
        found, _ = laid_out(data, f"a{ending}", Path(place), LENIENT)
    assert found == files


@given(data=st.data(), ending=st.sampled_from(ENDINGS))
@settings(max_examples=300, deadline=None)
def test_a_cut_archive_is_refused(data: st.DataObject, ending: str) -> None:
    files = {"a.json": b"[1, 2, 3]" * 9, "b/c.txt": bytes(range(200)), "d.png": b"x" * 700}
    whole = zipped(files) if ending == ".zip" else packed(tarred(files), ending)
    if ending == ".tar":
        whole = whole[: -(-len(whole.rstrip(b"\0")) // 512) * 512]
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with tempfile.TemporaryDirectory() as place, pytest.raises(FormatError) as caught:
        laid_out(cut, f"a{ending}", Path(place))
    assert caught.value.code in ("zip.invalid", "file.empty")


@given(data=st.data(), ending=st.sampled_from(ENDINGS))
@settings(max_examples=400, deadline=None)
def test_a_changed_byte_is_harmless(data: st.DataObject, ending: str) -> None:
    files = {"a.json": b"[1, 2, 3]" * 9, "b/c.txt": bytes(range(200)), "d.png": b"x" * 700}
    whole = bytearray(zipped(files) if ending == ".zip" else packed(tarred(files), ending))
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "x")
        folder.mkdir()
        try:
            found, _ = laid_out(bytes(whole), f"a{ending}", folder)
        except (FormatError, LimitError):
            found = {}
        if ending == ".zip":  # the sums of a zip tell each change of content
            # What may be an image and cannot be had stays the empty file that it was at first; it
            # is told when it is needed.
            assert set(filter(None, found.values())) <= set(files.values())
        assert [p.name for p in Path(place).iterdir()] == ["x"]
        assert [p.name for p in folder.iterdir()] == [f"a{ending}"]


# -- names --------------------------------------------------------------------------------------

BAD_NAMES = [
    ("/etc/x.txt", "path.escape"),
    ("../x.txt", "path.escape"),
    ("a/../../x.txt", "path.escape"),
    ("a/../x.txt", "path.escape"),
    ("C:\\x.txt", "path.escape"),
    ("c:/x.txt", "path.escape"),
    ("..\\x.txt", "path.escape"),
    ("\\\\host\\share\\x.txt", "path.escape"),
    ("a\nb.txt", "path.invalid"),
    ("a\x1b[2Jb.txt", "path.invalid"),
    ("a\u2028b.txt", "path.invalid"),
    ("n" * 256 + ".txt", "path.invalid"),
    ("/".join(["d" * 200] * 25), "path.invalid"),
    ("http://host/x.txt", "path.url"),
]


@pytest.mark.parametrize("ending", [".zip", ".tar", ".tar.gz"])
@pytest.mark.parametrize(("name", "code"), BAD_NAMES, ids=[repr(n)[:20] for n, _ in BAD_NAMES])
def test_bad_names_are_refused(name: str, code: str, ending: str, tmp_path: Path) -> None:
    files = {"a.json": b"{}", name: b"x"}
    data = zipped(files) if ending == ".zip" else packed(tarred(files), ending)
    with pytest.raises(FormatError) as caught:
        laid_out(data, f"a{ending}", tmp_path)
    assert caught.value.code == code
    assert str(caught.value).startswith(f"a{ending}")


@pytest.mark.parametrize("pack", [zipped, tarred], ids=["zip", "tar"])
def test_names_that_are_one_file_elsewhere_are_told(
    pack: Callable[[dict[str, bytes]], bytes], tmp_path: Path
) -> None:
    name = "a.zip" if pack is zipped else "a.tar"
    files = {"A/b.txt": b"1", "a/B.txt": b"2", "\u00e9.txt": b"3", "e\u0301.txt": b"4"}
    found, told = laid_out(pack(files), name, tmp_path)
    assert found == files
    assert {(status, code) for status, code, _, _ in told} == {("warning", "path.collision")}
    assert len(told) == 3


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_name_that_comes_twice_is_refused(kind: str, tmp_path: Path) -> None:
    target = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(target, "w") as file:
            file.writestr("a.json", "1")
            file.writestr("a.json", "2")
    else:
        data = tarred({"a.json": b"1"})
        target.write(data[:1024] + tarred({"./a.json": b"2"}))
    with pytest.raises(FormatError) as caught:
        laid_out(target.getvalue(), f"a.{kind}", tmp_path)
    assert caught.value.code == "zip.duplicate"


@pytest.mark.parametrize("pack", [zipped, tarred], ids=["zip", "tar"])
@pytest.mark.parametrize("names", [("a", "a/b.txt"), ("a/b.txt", "a")])
def test_a_file_that_is_a_folder_too_is_refused(
    pack: Callable[[dict[str, bytes]], bytes], names: tuple[str, str], tmp_path: Path
) -> None:
    name = "a.zip" if pack is zipped else "a.tar"
    with pytest.raises(FormatError) as caught:
        laid_out(pack(dict.fromkeys(names, b"x")), name, tmp_path)
    assert caught.value.code == "path.collision"


def test_what_macos_adds_is_passed_over(tmp_path: Path) -> None:
    files = {
        "a/x.json": b"{}",
        "__MACOSX/a/._x.json": b"\0\5",
        "a/._x.json": b"\0",
        ".DS_Store": b"\1",
    }
    for data, name in ((zipped(files), "a.zip"), (tarred(files), "a.tar")):
        found, told = laid_out(data, name, tmp_path)
        assert found == {"a/x.json": b"{}"}
        assert told == []


def with_flags(data: bytes, flags: int) -> bytes:
    """Set flags in all headers of a zip."""
    out = bytearray(data)
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = out.find(mark)
        while at >= 0:
            (old,) = struct.unpack_from("<H", out, at + place)
            struct.pack_into("<H", out, at + place, flags(old) if callable(flags) else flags)
            at = out.find(mark, at + 4)
    return bytes(out)


def test_names_of_zips_in_legacy_encodings(tmp_path: Path) -> None:
    name = "é_漢.json"
    data = zipped({name: b"{}"})
    assert laid_out(data, "a.zip", tmp_path) == ({name: b"{}"}, [])
    # UTF-8 that does not say so.
    found, told = laid_out(with_flags(data, 0), "a.zip", tmp_path)
    assert list(found) == [name]
    assert [code for _, code, _, _ in told] == ["encoding.not_utf8"]
    # Code page 437, which has no legal UTF-8 here.
    legacy = zipped({"Xa_b.json": b"{}"}).replace(b"Xa_b", "é".encode("cp437") + b"a_b")
    found, told = laid_out(legacy, "a.zip", tmp_path)
    assert list(found) == ["éa_b.json"]
    assert [code for _, code, _, _ in told] == ["encoding.not_utf8"]
    # Said to be UTF-8 and is not.
    with pytest.raises(FormatError) as caught:
        laid_out(with_flags(legacy, 0x800), "a.zip", tmp_path)
    assert caught.value.code == "encoding.invalid"


def test_names_of_zips_in_the_field_of_info_zip(tmp_path: Path) -> None:
    raw, name = "é.json".encode("cp437"), "漢.json"
    field = struct.pack("<BL", 1, zlib.crc32(raw)) + name.encode()
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        info = zipfile.ZipInfo("?.json")
        info.extra = struct.pack("<HH", 0x7075, len(field)) + field
        file.writestr(info, b"{}")
    data = target.getvalue().replace(b"?.json", raw)
    assert laid_out(data, "a.zip", tmp_path) == ({name: b"{}"}, [])
    # Of another name: it was renamed by a program that does not know the field.
    other = target.getvalue().replace(b"?.json", b"x.json")
    assert laid_out(other, "a.zip", tmp_path) == ({"x.json": b"{}"}, [])


def test_a_backslash_between_folders(tmp_path: Path) -> None:
    data = zipped({"a/b.json": b"{}"}).replace(b"a/b.json", b"a\\b.json")
    found, told = laid_out(data, "a.zip", tmp_path)
    assert found == {"a/b.json": b"{}"}
    assert [(status, code) for status, code, _, _ in told] == [("notice", "path.normalised")]


def test_long_and_odd_names_of_tars(tmp_path: Path) -> None:
    files = {"d" * 120 + "/" + "e" * 150 + ".json": b"{}", "漢字/é.json": b"1", "./x.json": b"2"}
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        found, told = laid_out(tarred(files, form), "a.tar", tmp_path)
        assert found == {name.removeprefix("./"): data for name, data in files.items()}
        assert told == []
    # What an old tar on a system of Latin-1 wrote.
    old = io.BytesIO()
    with tarfile.open(fileobj=old, mode="w", format=tarfile.USTAR_FORMAT, encoding="cp1252") as tar:
        info = tarfile.TarInfo("é.json")
        info.size = 2
        tar.addfile(info, io.BytesIO(b"{}"))
    found, told = laid_out(old.getvalue(), "a.tar", tmp_path)
    assert found == {"é.json": b"{}"}
    assert [code for _, code, _, _ in told] == ["encoding.not_utf8"]


# -- kinds of entries ---------------------------------------------------------------------------


def zip_with_mode(name: str, mode: int, data: bytes = b"/etc/hostname") -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        file.writestr("a.json", "{}")
        info = zipfile.ZipInfo(name)
        info.create_system = 3
        info.external_attr = mode << 16
        file.writestr(info, data)
    return target.getvalue()


def tar_with(*infos: tarfile.TarInfo, files: dict[str, bytes] | None = None) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        for name, data in (files or {"a.json": b"{}"}).items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for info in infos:
            tar.addfile(info)
    return target.getvalue()


def entry(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def test_links_and_devices_are_refused(tmp_path: Path) -> None:
    cases = [
        (zip_with_mode("b.json", stat.S_IFLNK | 0o777), "a.zip", "zip.symlink"),
        (zip_with_mode("b.json", stat.S_IFIFO | 0o644), "a.zip", "file.not_regular"),
        (zip_with_mode("b.json", stat.S_IFCHR | 0o644), "a.zip", "file.not_regular"),
        (tar_with(entry("b.json", tarfile.SYMTYPE, "/etc/hostname")), "a.tar", "zip.symlink"),
        (tar_with(entry("b.json", tarfile.SYMTYPE, "a.json")), "a.tar", "zip.symlink"),
        (tar_with(entry("b.json", tarfile.LNKTYPE, "/etc/hostname")), "a.tar", "zip.symlink"),
        (tar_with(entry("b.json", tarfile.LNKTYPE, "../a.json")), "a.tar", "zip.symlink"),
        (tar_with(entry("b", tarfile.FIFOTYPE)), "a.tar", "file.not_regular"),
        (tar_with(entry("b", tarfile.CHRTYPE)), "a.tar", "file.not_regular"),
        (tar_with(entry("b", tarfile.BLKTYPE)), "a.tar", "file.not_regular"),
    ]
    for data, name, code in cases:
        with pytest.raises(FormatError) as caught:
            laid_out(data, name, tmp_path)
        assert caught.value.code == code
        assert caught.value.path == f"{name}/b.json" or caught.value.path == f"{name}/b"


def test_a_link_of_an_image_costs_the_image_only(tmp_path: Path) -> None:
    for data, name in (
        (zip_with_mode("b.png", stat.S_IFLNK | 0o777), "a.zip"),
        (tar_with(entry("b.png", tarfile.SYMTYPE, "/etc/hostname")), "a.tar"),
    ):
        found, told = laid_out(data, name, tmp_path)
        assert found == {"a.json": b"{}"}
        assert [(s, c, p) for s, c, _, p in told] == [("warning", "zip.symlink", f"{name}/b.png")]


@pytest.mark.parametrize("ending", [".tar", ".tar.gz"])
def test_a_second_name_in_a_tar_is_the_same_file(ending: str, tmp_path: Path) -> None:
    files = {"./a.json": b"{}", "b.png": b"picture"}
    data = tar_with(
        entry("c.json", tarfile.LNKTYPE, "./a.json"),
        entry("d.png", tarfile.LNKTYPE, "b.png"),
        files=files,
    )
    found, told = laid_out(packed(data, ending), f"a{ending}", tmp_path)
    assert found == {
        "a.json": b"{}",
        "b.png": b"picture",
        "c.json": b"{}",
        "d.png": b"picture",
    }
    assert told == []


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    data = with_flags(zipped({"a.json": b"{}"}), 1)
    with pytest.raises(FormatError) as caught:
        laid_out(data, "a.zip", tmp_path)
    assert caught.value.code == "zip.encrypted"


def test_archives_in_archives_are_told_and_not_unpacked(tmp_path: Path) -> None:
    inner = zipped({"b.json": b"{}"})
    files = {"a.json": b"{}", "i.zip": inner, "j.tar.gz": b"", "k.7z": b"", "l.json.gz": b"g"}
    for data, name in ((zipped(files), "a.zip"), (tarred(files), "a.tar")):
        found, told = laid_out(data, name, tmp_path)
        assert sorted(found) == ["a.json", "l.json.gz"]
        assert [code for _, code, _, _ in told] == ["zip.nested"] * 3


@pytest.mark.skipif(shutil.which("tar") is None, reason="there is no tar")
@pytest.mark.parametrize("flags", ["--format=gnu", "--format=posix", "--format=oldgnu"])
def test_sparse_files_of_tar(flags: str, tmp_path: Path) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    with (folder / "a.txt").open("wb") as file:
        file.write(b"start")
        file.seek(300_000)
        file.write(b"middle")
        file.truncate(600_000)
    shutil.copy(folder / "a.txt", folder / "b.png")
    os.truncate(folder / "b.png", 700_000)
    (folder / "c.json").write_bytes(b"{}")
    source = tmp_path / "s.tar"
    subprocess.run(["tar", "-C", str(folder), flags, "-S", "-cf", str(source), "."], check=True)
    found, told = laid_out(source.read_bytes(), "a.tar", tmp_path)
    assert found == tree(folder)
    assert told == []


# -- limits -------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_number_of_entries_is_bounded(ending: str, tmp_path: Path) -> None:
    source = archive({f"{n}.txt": b"" for n in range(11)}, tmp_path / f"s{ending}")
    laid_out(source.read_bytes(), f"a{ending}", tmp_path, DEFAULT_LIMITS.replace(zip_entries=11))
    with pytest.raises(LimitError) as caught:
        laid_out(
            source.read_bytes(), f"a{ending}", tmp_path, DEFAULT_LIMITS.replace(zip_entries=10)
        )
    assert caught.value.code == "limit.entries"
    assert "--limit zip_entries=" in str(caught.value)


@pytest.mark.parametrize("name", ["bomb.json", "bomb.png"])
@pytest.mark.parametrize("ending", [".zip", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst"])
def test_a_bomb_is_stopped(ending: str, name: str, tmp_path: Path) -> None:
    source = archive({name: bytes(30 << 20)}, tmp_path / f"s{ending}")
    assert source.stat().st_size < 100_000
    with pytest.raises(LimitError) as caught:
        laid_out(source.read_bytes(), f"a{ending}", tmp_path)
    assert caught.value.code == "limit.ratio"
    assert "--limit zip_ratio=" in str(caught.value)
    found, _ = laid_out(source.read_bytes(), f"a{ending}", tmp_path, LENIENT)
    assert len(found[name]) == 30 << 20


@pytest.mark.parametrize("ending", ENDINGS)
def test_unpacked_bytes_are_bounded(ending: str, tmp_path: Path) -> None:
    data = archive({"a.json": bytes(5_000), "b.png": bytes(5_000)}, tmp_path / f"s{ending}")
    limits = DEFAULT_LIMITS.replace(zip_bytes=9_000)
    found, _ = laid_out(data.read_bytes(), f"a{ending}", tmp_path, limits, fill=False)
    assert len(found["a.json"]) == 5_000
    with pytest.raises(LimitError) as caught:
        laid_out(data.read_bytes(), f"a{ending}", tmp_path, limits)
    assert caught.value.code == "limit.bytes"


def test_a_sparse_bomb_is_stopped(tmp_path: Path) -> None:
    # A PAX header that says that one byte is a file of a terabyte.
    info = tarfile.TarInfo("a.json")
    info.size = 1024
    info.pax_headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.name": "a.json",
        "GNU.sparse.size": str(1 << 40),
        "GNU.sparse.numblocks": "1",
        "GNU.sparse.map": "0,512",
    }
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(info, io.BytesIO(bytes(1024)))
    with pytest.raises(DlgeomError) as caught:
        laid_out(target.getvalue(), "a.tar", tmp_path)
    assert caught.value.code in ("limit.ratio", "zip.invalid")


def test_headers_that_claim_gigabytes_are_refused(tmp_path: Path) -> None:
    for kind in (b"x", b"L", b"K", b"g"):
        head = tarfile.TarInfo("././@Header")
        head.type, head.size = kind, 6 << 30
        data = head.tobuf(tarfile.GNU_FORMAT) + bytes(4096)
        with pytest.raises(FormatError) as caught:
            laid_out(data, "a.tar", tmp_path)
        assert caught.value.code == "zip.invalid"


def test_a_chain_of_headers_ends(tmp_path: Path) -> None:
    piece = tarfile.TarInfo._create_pax_generic_header({"comment": "x"}, b"x", "utf-8")
    with pytest.raises(FormatError) as caught:
        laid_out(piece * 5_000 + tarred({"a.json": b"{}"}), "a.tar", tmp_path)
    assert caught.value.code == "zip.invalid"


def test_members_that_share_bytes_are_refused(tmp_path: Path) -> None:
    data = zipped({"aa.json": b"x" * 50, "ab.json": b"x" * 50}, zipfile.ZIP_STORED)
    at = data.rfind(b"PK\1\2")
    shared = bytearray(data)
    struct.pack_into("<L", shared, at + 42, 10)
    with pytest.raises(FormatError) as caught:
        laid_out(bytes(shared), "a.zip", tmp_path)
    assert caught.value.code == "zip.overlap"


def test_what_the_directory_says_is_compared(tmp_path: Path) -> None:
    good = zipped({"aa.json": b"x" * 50}, zipfile.ZIP_STORED)
    for place, form, value in ((16, "<L", 1), (24, "<L", 49), (24, "<L", 51), (10, "<H", 8)):
        bad = bytearray(good)
        struct.pack_into(form, bad, good.rfind(b"PK\1\2") + place, value)
        with pytest.raises(FormatError) as caught:
            laid_out(bytes(bad), "a.zip", tmp_path)
        assert caught.value.code == "zip.invalid"
    # The local header has another name.
    with pytest.raises(FormatError, match="another file"):
        laid_out(good.replace(b"aa.json", b"bb.json", 1), "a.zip", tmp_path)


def test_a_zip_with_something_in_front_and_one_of_zip64(tmp_path: Path) -> None:
    files = {"a.json": b"{}", "b.png": b"p" * 99}
    for data in (b"#!/bin/sh\n" * 50 + zipped(files), zip64(files)):
        assert laid_out(data, "a.zip", tmp_path) == (files, [])


def zip64(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in files.items():
            with file.open(name, "w", force_zip64=True) as member:
                member.write(data)
    data = target.getvalue()
    # A directory of Zip64 as for more than 65,535 entries.
    at = data.rfind(b"PK\5\6")
    _, _, _, here, count, size, start, _ = struct.unpack("<4s4H2LH", data[at : at + 22])
    end = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, here, count, size, start)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, at, 1)
    last = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 2**32 - 1, 2**32 - 1, 0)
    return data[:at] + end + locator + last


def test_something_behind_a_tar_is_told(tmp_path: Path) -> None:
    one, two = tarred({"a.json": b"{}"}), tarred({"b.json": b"{}"})
    found, told = laid_out(one + two, "a.tar", tmp_path)
    assert list(found) == ["a.json"]
    assert [code for _, code, _, _ in told] == ["file.trailing_data"]


def test_streams_that_follow_one_another(tmp_path: Path) -> None:
    data = tarred({"a.json": b"{}" * 999, "b.png": b"x" * 5000})
    half = len(data) // 2
    for ending, pack in (
        (".tar.gz", gzip.compress),
        (".tar.bz2", bz2.compress),
        (".tar.xz", lzma.compress),
    ):
        parts = pack(data[:half]) + pack(data[half:])
        for fill in (b"", bytes(512)):
            found, _ = laid_out(parts + fill, f"a{ending}", tmp_path)
            assert found["a.json"] == b"{}" * 999
        with pytest.raises(FormatError):
            laid_out(parts + b"rest", f"a{ending}", tmp_path)


@pytest.mark.parametrize(
    "name", ["a.zip", "a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz", "a.tar.zst"]
)
def test_what_is_no_archive_is_told(name: str, tmp_path: Path) -> None:
    for data, code in ((b"", "file.empty"), (b"hello world" * 99, "zip.invalid")):
        with pytest.raises(FormatError) as caught:
            laid_out(data, name, tmp_path)
        assert caught.value.code == code
    os.mkfifo(tmp_path / f"f{name}")
    with pytest.raises(FormatError) as caught:
        dl.convert(tmp_path / f"f{name}", tmp_path / "out", to_format="yolo")
    assert caught.value.code == "file.not_regular"


# -- messages and the end -----------------------------------------------------------------------


def test_errors_name_the_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = archive({"annotations/x.json": b'{"images": [}'}, tmp_path / "a.zip")
    for call in (
        lambda: dl.convert(source, tmp_path / "out", from_format="coco", to_format="yolo"),
        lambda: list(dl.open_dataset(source, format="coco")),
        lambda: dl.Dataset.open(source / "annotations" / "x.json", "coco"),
    ):
        with pytest.raises(FormatError) as caught:
            call()
        assert str(caught.value).startswith(f"{source}/annotations/x.json")
        assert caught.value.path == f"{source}/annotations/x.json"
        assert "temporary" not in str(caught.value)
    assert run(["validate", str(source), "--from", "coco", "--json"]) == 1
    assert "temporary" not in capsys.readouterr().out


def test_bad_records_name_the_archive(tmp_path: Path) -> None:
    files = {
        "data.yaml": b"names: [a]\ntrain: images/train\n",
        "labels/train/a.txt": b"0 .5 .5 x .1\n",
    }
    files["images/train/a.png"] = (SAMPLE / "images" / "sign.png").read_bytes()
    source = archive(files, tmp_path / "a.tar.gz")
    report = dl.convert(source, tmp_path / "out.json", on_error="skip", report=tmp_path / "r.json")
    assert report.skipped == 1
    import json

    entries = json.loads((tmp_path / "r.json").read_text("utf-8"))["entries"]
    assert f"{source}/labels/train/a.txt" in [e.get("path") for e in entries]
    with pytest.raises(FormatError, match=r"a\.tar\.gz/labels/train/a\.txt"):
        dl.convert(source, tmp_path / "out2.json")


def test_a_broken_image_costs_only_itself(tmp_path: Path) -> None:
    files = tree(SAMPLE)
    data = bytearray(zipped(files, zipfile.ZIP_STORED))
    at = data.find(files["images/sign.png"])
    data[at + 40] ^= 255
    (tmp_path / "a.zip").write_bytes(data)
    report = dl.convert(
        tmp_path / "a.zip", tmp_path / "o", to_format="coco", image_files="copy", on_error="skip"
    )
    assert "zip.invalid" in {code for _, code in report.codes}
    written = tree(tmp_path / "o")
    assert sum(name.endswith((".png", ".jpg")) for name in written) == 4
    assert not list((tmp_path / "o").rglob("*.part"))


def test_the_input_is_never_the_target(tmp_path: Path) -> None:
    source = archive(tree(SAMPLE), tmp_path / "a.zip")
    before = source.read_bytes()
    inside = source / "annotations" / "instances_train.json"
    for given in (source, inside, f"zip://annotations/instances_train.json::{source}"):
        with pytest.raises(dl.DlgeomError) as caught:
            dl.convert(given, source, to_format="coco", overwrite=True)
        assert caught.value.code == "output.overlaps_input"
    assert source.read_bytes() == before


def test_a_data_set_lives_as_long_as_it_is_open(tmp_path: Path, own_temporary: Path) -> None:
    source = archive(tree(SAMPLE), tmp_path / "a.zip")
    found = dl.open_dataset(source, on_error="skip")
    assert len(list(own_temporary.iterdir())) == 1
    assert sum(1 for _ in found) == sum(1 for _ in found) == 5
    other = dl.open_dataset(source, on_error="skip")
    assert len(list(own_temporary.iterdir())) == 1
    found.close()
    assert sum(1 for _ in other) == 5
    found = other.filter("area > 10")
    del other
    assert sum(1 for _ in found) == 5
    del found
    import gc

    gc.collect()
    assert list(own_temporary.iterdir()) == []


def test_training_reads_archives(tmp_path: Path, own_temporary: Path) -> None:
    import pickle

    import numpy as np

    from dlgeom.training import DatasetGenerator

    one = DatasetGenerator(SAMPLE, "box", on_error="skip", shuffle=False)
    for ending in (".zip", ".tar.gz"):
        source = archive(tree(SAMPLE), tmp_path / f"a{ending}")
        two = DatasetGenerator(source, "box", on_error="skip", shuffle=False)
        assert len(one) == len(two) == 4
        for mine, other in zip(one, two, strict=True):
            assert np.array_equal(mine["image"], other["image"])
        again = pickle.loads(pickle.dumps(two))
        assert np.array_equal(again[0]["image"], one[0]["image"])
        del two, again, mine, other
        assert list(own_temporary.iterdir()) == []


def test_a_run_over_an_archive_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dlgeom.converters.output import Output

    source = archive(tree(SAMPLE), tmp_path / "a.tar.gz")
    more = {"to_format": "yolo", "image_files": "copy", "on_error": "skip", "resume": True}
    dl.convert(source, tmp_path / "whole", **more)
    real, calls = Output.write, []

    def failing(self: Output, name: str, data: bytes) -> None:
        calls.append(name)
        if len(calls) > 3:
            raise KeyboardInterrupt
        real(self, name, data)

    monkeypatch.setattr(Output, "write", failing)
    with pytest.raises(KeyboardInterrupt):
        dl.convert(source, tmp_path / "out", **more)
    monkeypatch.setattr(Output, "write", real)
    assert (tmp_path / "out").exists()
    dl.convert(source, tmp_path / "out", **more)
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


class Elsewhere(Executor):
    """Does the work who knows where."""

    def submit(self, call: Callable[..., object], /, *args: object, **more: object) -> Future:
        raise AssertionError("it sees no private folder")


def test_the_work_on_an_archive_stays_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dlgeom.converters.parallel import units

    monkeypatch.setattr(units, "LEAST", 0.0)
    monkeypatch.setattr(units, "SECONDS", 1e-9)
    names = [f"i{number}" for number in range(2_200)]
    files = {f"labels/train/{name}.txt": b"0 .5 .5 .25 .5\n" for name in names}
    files["data.yaml"] = b"names: [a]\ntrain: images/train\n"
    rows = "".join(f"labels/train/{name}.txt,{name}.png,64,48,1\n" for name in names)
    files["images.csv"] = f"label_file,file_name,width,height,orientation\n{rows}".encode()
    source = archive(files, tmp_path / "set.zip")
    for name, who in (("one", Elsewhere()), ("two", ThreadPoolExecutor(2)), ("three", None)):
        dl.convert(source, tmp_path / name, to_format="coco", executor=who)
    assert tree(tmp_path / "one") == tree(tmp_path / "two") == tree(tmp_path / "three")
    with zipfile.ZipFile(source) as file:
        file.extractall(tmp_path / "set")
    with pytest.raises(AssertionError, match="no private folder"):
        dl.convert(tmp_path / "set", tmp_path / "four", to_format="coco", executor=Elsewhere())


def test_one_place_for_one_source(tmp_path: Path) -> None:
    source = archive(tree(SAMPLE), tmp_path / "a.zip")
    with place_of(source) as one, place_of(str(source)) as two:  # type: ignore[union-attr]
        assert one is two
    assert place_of(SAMPLE) is None
    assert place_of(tmp_path / "nothing.zip") is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_leave_no_temporary_files(number: int, tmp_path: Path, own_temporary: Path) -> None:
    text = (
        b'{"images": [], "annotations": [], "categories": [], "x": "' + os.urandom(4).hex().encode()
    )
    files = {
        f"annotations/instances_{n}.json": text + b"%d" % n * 500_000 + b'"}' for n in range(40)
    }
    source = tmp_path / "a.zip"
    source.write_bytes(zipped(files, zipfile.ZIP_STORED))
    child = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "dlgeom",
            "convert",
            str(source),
            str(tmp_path / "o"),
            "--to",
            "yolo",
        ],
        env={**os.environ, "TMPDIR": str(own_temporary)},
        stderr=subprocess.PIPE,
    )
    due = time.monotonic() + 20
    while not list(own_temporary.glob("*/*/*/*")) and time.monotonic() < due:
        time.sleep(0.005)
    child.send_signal(number)
    _, error = child.communicate(timeout=20)
    assert child.returncode in (128 + number, 0), error
    assert list(own_temporary.iterdir()) == []
