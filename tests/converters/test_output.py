"""Outputs: complete or absent, never outside of the target, never over what was there unasked."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from dlgeom.converters import folders
from dlgeom.converters.output import MAX_OPEN_FOLDERS, Output
from dlgeom.errors import FormatError, OutputError


@pytest.fixture(params=[True, False], ids=["descriptors", "paths"])
def _look_up(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Try both ways to look names up: that of POSIX and that of Windows."""
    if not request.param:
        monkeypatch.setattr(folders, "_BY_DESCRIPTOR", False)


pytestmark = pytest.mark.usefixtures("_look_up")


def tree(folder: Path) -> dict[str, bytes | None]:
    """Return every file and folder below, with the contents of files."""
    return {
        path.relative_to(folder).as_posix(): None if path.is_dir() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
    }


def convert(target: Path, source: Path, *, single: bool = False, **options: Any) -> None:
    """Write a file of each kind, as a writer does."""
    with Output(target, single=single, **options) as output:
        streamed = output.open(output.name if single else "list.json")
        streamed.write(b"[")
        prefix = "x" if single else "a/b"
        output.write(f"{prefix}/one.txt", b"one" * 1000)
        output.copy(f"{prefix}/copied.png", source)
        output.link(f"{prefix}/linked.png", source)
        with output.file(f"{prefix}/two.txt") as part:
            part.write(b"x" * (1 << 20))
            part.write(b"y")
        streamed.write(b"]")
        streamed.close()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.png"
    path.write_bytes(b"pixels" * 100)
    return path


def test_files_are_written_whole(tmp_path: Path, source: Path) -> None:
    convert(tmp_path / "new" / "out", source)
    assert tree(tmp_path / "new" / "out") == {
        "a": None,
        "a/b": None,
        "a/b/copied.png": source.read_bytes(),
        "a/b/linked.png": source.read_bytes(),
        "a/b/one.txt": b"one" * 1000,
        "a/b/two.txt": b"x" * (1 << 20) + b"y",
        "list.json": b"[]",
    }
    assert (tmp_path / "new/out/a/b/linked.png").samefile(source)
    assert not (tmp_path / "new/out/a/b/copied.png").samefile(source)


CALLS = ("write", "replace", "open", "fsync", "link", "mkdir")


def _faults(monkeypatch: pytest.MonkeyPatch, call: str, number: int, error: int) -> list[int]:
    """Let the n-th call of a system function fail; return the count of calls."""
    real = getattr(os, call)
    count = [0]

    def fail(*args: Any, **kwargs: Any) -> Any:
        count[0] += 1
        if count[0] == number:
            raise OSError(error, os.strerror(error))
        return real(*args, **kwargs)

    monkeypatch.setattr(os, call, fail)
    return count


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("single", [False, True])
def test_a_fault_leaves_the_target_as_it_was_found(
    tmp_path: Path, source: Path, call: str, single: bool
) -> None:
    other = tmp_path / "mine.txt"
    other.write_bytes(b"mine")
    before = tree(tmp_path)
    target = tmp_path / ("out.json" if single else "deep/out")
    for number in range(1, 60):
        with pytest.MonkeyPatch.context() as patch:
            count = _faults(patch, call, number, errno.ENOSPC)
            try:
                convert(target, source, single=single)
                failed = False
            except OutputError:
                failed = True
        if count[0] < number:
            break
        if failed:
            assert tree(tmp_path) == before
        else:  # a link that the system refuses is copied; a folder may be there
            assert call in ("link", "open", "mkdir")
            assert not [name for name in tree(tmp_path) if name.endswith(".part")]
            _clear(target)
    assert number > 1


def _clear(target: Path) -> None:
    import shutil

    for path in (target, target.with_suffix(""), target.parent / "x"):
        if path.is_dir():
            shutil.rmtree(path)
        elif path.exists():
            path.unlink()
    if target.parent.name == "deep":
        target.parent.rmdir()


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _faults(monkeypatch, "write", 1, errno.ENOSPC)
    with Output(tmp_path / "out") as output, pytest.raises(OutputError, match=r"output\.full"):
        output.write("a.txt", b"a")


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, bytes(data)[:3]))
    with Output(tmp_path / "out") as output:
        output.write("a.txt", b"0123456789")
    assert (tmp_path / "out" / "a.txt").read_bytes() == b"0123456789"


def test_a_failed_run_takes_back_only_what_is_new(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "mine.png").write_bytes(b"mine")
    (tmp_path / "kept.txt").write_bytes(b"kept")
    before = tree(tmp_path)

    def write() -> None:
        with Output(tmp_path / "x.json", single=True) as output:
            output.write("new/a.txt", b"a")
            output.write("beside.txt", b"b")
            with output.file("x.json") as part:
                part.write(b"{")
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert tree(tmp_path) == before


def test_beside_a_single_file_nothing_is_replaced_unasked(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "1.png").write_bytes(b"mine")
    with (
        pytest.raises(OutputError, match=r"output\.exists"),
        Output(tmp_path / "x.json", single=True) as output,
    ):
        output.write("x/1.png", b"new")
    assert (tmp_path / "x" / "1.png").read_bytes() == b"mine"
    with Output(tmp_path / "x.json", single=True, overwrite=True) as output:
        output.write("x/1.png", b"new")
    assert (tmp_path / "x" / "1.png").read_bytes() == b"new"


def test_a_failed_run_over_old_files_leaves_each_whole(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "a.txt").write_bytes(b"old a")
    (target / "b.txt").write_bytes(b"old b")

    def write() -> None:
        with Output(target, overwrite=True) as output:
            output.write("a.txt", b"new a")
            output.open("b.txt").write(b"new")
            output.write("c/d.txt", b"new d")
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        write()
    assert tree(target) == {"a.txt": b"new a", "b.txt": b"old b"}


@pytest.mark.parametrize("single", [False, True])
def test_what_is_there_is_not_overwritten_unasked(tmp_path: Path, single: bool) -> None:
    target = tmp_path / "out"
    if single:
        target.write_bytes(b"old")
    else:
        target.mkdir()
        (target / "file.txt").write_bytes(b"old")
    before = tree(tmp_path)
    with pytest.raises(OutputError, match=r"--overwrite.*output\.exists"):
        Output(target, single=single)
    assert tree(tmp_path) == before
    name = "out" if single else "file.txt"
    with Output(target, single=single, overwrite=True) as output:
        output.write(name, b"new")
    assert b"new" in tree(tmp_path).values()


def test_an_empty_folder_may_be_the_target(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with Output(tmp_path / "out") as output:
        output.write("a.txt", b"a")
    assert tree(tmp_path / "out") == {"a.txt": b"a"}


def test_a_target_of_the_wrong_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="is a file; the target is a folder"):
        Output(tmp_path / "file", overwrite=True)
    with pytest.raises(OutputError, match="is a folder; the target is a file"):
        Output(tmp_path / "folder", single=True, overwrite=True)
    with pytest.raises(OutputError):
        Output(tmp_path / "file" / "below")


@pytest.mark.parametrize("overwrite", [False, True])
def test_links_in_the_target_are_refused(tmp_path: Path, overwrite: bool) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    target = tmp_path / "out"
    (target / "a" / "b").mkdir(parents=True)
    (target / "a" / "b" / "labels").symlink_to(outside)
    with pytest.raises(OutputError, match=r"path\.symlink"):
        Output(target, overwrite=overwrite)
    (tmp_path / "link").symlink_to(outside)
    with pytest.raises(OutputError, match=r"path\.symlink"):
        Output(tmp_path / "link", overwrite=overwrite)
    assert list(outside.iterdir()) == []


def test_a_link_that_comes_later_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    target = tmp_path / "out"
    target.mkdir()
    with Output(target, overwrite=True) as output:
        (target / "labels").symlink_to(outside)
        (target / "list.txt").symlink_to(outside / "list.txt")
        with pytest.raises(OutputError, match="in the way"):
            output.write("labels/a.txt", b"a")
        with pytest.raises(OutputError, match="in the way"):
            output.write("list.txt", b"a")
        with pytest.raises(OutputError, match="in the way"):
            output.open("list.txt")
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["../a", "a/../../b", "", "a/", ".", "a/..", "/a", "a//b", "a\0b", "./a", ".../a"]
)
def test_names_never_leave_the_target(tmp_path: Path, name: str) -> None:
    with Output(tmp_path / "out") as output, pytest.raises(OutputError, match=r"path\.escape"):
        output.write(name, b"x")
    assert tree(tmp_path) == {"out": None}


@pytest.mark.parametrize("single", [False, True])
def test_a_dry_run_writes_nothing(tmp_path: Path, source: Path, single: bool) -> None:
    before = tree(tmp_path)
    convert(tmp_path / "deep" / "out", source, single=single, dry_run=True)
    with Output(tmp_path / "deep" / "out", dry_run=True) as output:
        output.write("a", b"a")
        output.link("b", source)
        output.open("c").abort()
        assert output.files == 3
    assert tree(tmp_path) == before


def test_a_dry_run_that_fails_removes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no"), Output(tmp_path / "out", dry_run=True):
        raise ValueError("no")
    assert tree(tmp_path) == {}


def test_an_aborted_file_leaves_nothing(tmp_path: Path) -> None:
    with Output(tmp_path / "out") as output:
        writer = output.open("a.txt")
        writer.write(b"x" * (2 << 20))
        writer.abort()
        output.open("b.txt").write(b"never closed")
    assert tree(tmp_path / "out") == {}


def test_many_folders_need_few_descriptors(tmp_path: Path) -> None:
    names = [f"d{k}/e{k}/f.txt" for k in range(3 * MAX_OPEN_FOLDERS)]
    with Output(tmp_path / "out") as output:
        open_file = output.open("first/long.txt")
        for name in names * 2:
            output.write(name, name.encode())
        assert len(output._folders) <= MAX_OPEN_FOLDERS + 1
        open_file.write(b"done")
        open_file.close()
    found = tree(tmp_path / "out")
    assert [found[name] for name in names] == [name.encode() for name in names]
    assert found["first/long.txt"] == b"done"


def test_two_files_of_one_long_beginning_do_not_meet(tmp_path: Path) -> None:
    with Output(tmp_path / "out") as output:
        parts = [output.open("n" * 100 + end) for end in ("a", "b")]
        for number, part in enumerate(parts):
            part.write(str(number).encode())
            part.close()
    assert sorted(tree(tmp_path / "out").values()) == [b"0", b"1"]


def test_a_link_is_copied_where_the_system_refuses(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _faults(monkeypatch, "link", 1, errno.EXDEV)
    with Output(tmp_path / "out") as output:
        output.link("a.png", source)
    assert tree(tmp_path / "out") == {"a.png": source.read_bytes()}
    assert not (tmp_path / "out" / "a.png").samefile(source)


def test_a_symbolic_link_as_source_is_copied(tmp_path: Path, source: Path) -> None:
    (tmp_path / "to.png").symlink_to(source)
    with Output(tmp_path / "out") as output:
        output.link("a.png", tmp_path / "to.png")
        output.copy("b.png", tmp_path / "to.png")
    assert not (tmp_path / "out" / "a.png").is_symlink()
    assert set(tree(tmp_path / "out").values()) == {source.read_bytes()}


def test_linking_again_leaves_no_temporary_file(tmp_path: Path, source: Path) -> None:
    for _ in range(2):
        with Output(tmp_path / "out", overwrite=True) as output:
            output.link("a.png", source)
    assert list(tree(tmp_path / "out")) == ["a.png"]


@pytest.mark.parametrize("way", ["copy", "link"])
def test_only_regular_files_are_copied(tmp_path: Path, way: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with Output(tmp_path / "out") as output:
        for name in ("pipe", "folder"):
            with pytest.raises(FormatError, match="not_regular"):
                getattr(output, way)("a.png", tmp_path / name)
        with pytest.raises(OutputError, match=r"io\.read"):
            getattr(output, way)("a.png", tmp_path / "nothing")
    assert tree(tmp_path / "out") == {}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do all")
def test_a_folder_without_permission_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(OutputError, match=r"io\.permission"):
        Output(tmp_path / "closed" / "out")
