"""`Output.write_many` keeps what `Output.write` promises, file by file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlgeom.converters import output as module
from dlgeom.converters.output import Output
from dlgeom.converters.resume import MARKER, Run
from dlgeom.errors import DlgeomError, OutputError

STEPS = st.sampled_from(["a", "b", "c.txt", "é", "..", ".", ""])
NAMES = st.lists(STEPS, min_size=1, max_size=3).map("/".join)
FILES = st.lists(st.tuples(NAMES, st.binary(max_size=20)), max_size=6)


def _tree(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def _written(root: Path, files: list[tuple[str, bytes]], *, many: bool) -> tuple[object, object]:
    """Return the tree, or the code of the error; and how many files were counted."""
    with_error: object = None
    output = Output(root)
    try:
        with output:
            if many:
                output.write_many([name for name, _ in files], (data for _, data in files))
            else:
                for name, data in files:
                    output.write(name, data)
    except DlgeomError as error:
        with_error = error.code
    return with_error or _tree(root), output.files


@given(FILES)
def test_many_are_written_as_one_by_one(files: list[tuple[str, bytes]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        one = _written(Path(place, "one"), files, many=False)
        many = _written(Path(place, "many"), files, many=True)
        assert one == many


def test_names_and_contents_are_as_many(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="zip"), Output(tmp_path / "t") as output:
        output.write_many(["a", "b"], [b""])
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize("overwrite", [False, True])
def test_links_in_a_target_that_is_there_are_not_followed(tmp_path: Path, overwrite: bool) -> None:
    target, outside = tmp_path / "t", tmp_path / "outside"
    target.mkdir()
    outside.write_bytes(b"old")
    with Output(target, overwrite=overwrite) as output:
        (target / "labels").mkdir()
        (target / "labels" / "b.txt").symlink_to(outside)
        with pytest.raises(OutputError):
            output.write_many(["labels/a.txt", "labels/b.txt"], [b"1", b"2"])
    assert outside.read_bytes() == b"old"


def test_writes_that_take_few_bytes_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:3]))
    with Output(tmp_path / "t") as output:
        output.write_many(["a", "b"], [b"0123456789", b""])
    assert _tree(tmp_path / "t") == {"a": b"0123456789", "b": b""}


@pytest.mark.parametrize("call", ["open", "write", "close", "replace"])
def test_each_call_that_fails_leaves_nothing_half(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"labels/{k}.txt" for k in range(4)]
    failures = 0
    for count in range(4):
        left = count
        real = getattr(os, call)

        def failing(*given: object, real: object = real, **more: object) -> object:
            nonlocal left
            left -= 1
            if left < 0:
                if call == "close":
                    real(*given)  # type: ignore[operator]
                raise OSError(28, "No space left on device")
            return real(*given, **more)  # type: ignore[operator]

        target = tmp_path / f"{call}{count}"
        output = Output(target)
        seen: list[set[str]] = []
        try:
            with output:
                output.write("labels/first.txt", b"")
                with monkeypatch.context() as patch:
                    patch.setattr(os, call, failing)
                    try:
                        output.write_many(names, [b"x" * 9] * 4)
                    finally:
                        patch.undo()
                        seen.append(set(_tree(target)))
        except OutputError as error:
            failures += error.code == "output.full"
        assert seen[0] == {"labels/first.txt", *names[: len(seen[0]) - 1]}
        assert not target.exists()
    assert failures == 4


def test_the_marker_is_written_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.resuming, "INTERVAL", 0.0)
    monkeypatch.setattr(module.resuming, "SHARE", 0)
    counts: list[int] = []
    with Output(tmp_path / "t", run=Run("test", {})) as output:
        real = output.checkpoint
        monkeypatch.setattr(output, "checkpoint", lambda: (counts.append(output.files), real())[1])
        output.write_many(["a", "b", "c"], [b"1", b"2", b"3"])
        assert (tmp_path / "t" / MARKER).exists()
    assert counts == [1, 2, 3]
    assert _tree(tmp_path / "t") == {"a": b"1", "b": b"2", "c": b"3"}
