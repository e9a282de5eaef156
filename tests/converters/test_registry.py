"""The registry: names, what a path looks like, options, formats of other packages."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Any

import msgspec
import pytest

import dlgeom
from dlgeom.converters import registry
from dlgeom.converters.base import Format, Option
from dlgeom.errors import OutputError, UnknownFormatError, UsageError

SAMPLE = Path(dlgeom.__file__).parent / "sample" / "coco"


@pytest.fixture
def _fresh() -> Any:
    registry.formats.cache_clear()
    yield
    registry.formats.cache_clear()


def test_our_formats_are_there_with_their_options() -> None:
    assert list(registry.formats())[:3] == ["coco", "yolo", "voc"]
    for name, entry in registry.formats().items():
        assert entry.name == name
        assert entry.title
        assert entry.patterns
        assert entry.kinds
        names = [(option.name, option.use) for option in entry.options]
        assert len(names) == len(set(names))
        for option in entry.options:
            assert option.help.endswith(".")
            assert option.use in ("read", "write", "both")
            if option.choices and option.default is not None:
                assert str(option.default) in option.choices


@pytest.mark.parametrize(
    ("given", "name"),
    [("coco", "coco"), (" COCO ", "coco"), ("Ultralytics", "yolo"), ("pascal-voc", "voc")],
)
def test_a_format_is_found_by_name_or_alias(given: str, name: str) -> None:
    assert registry.find_format(given).name == name


@pytest.mark.parametrize(("given", "near"), [("cocoo", "coco"), ("yollo", "yolo"), ("vco", "voc")])
def test_an_unknown_format_names_the_nearest(given: str, near: str) -> None:
    with pytest.raises(UnknownFormatError, match=f"known: coco, .*Did you mean '{near}'"):
        registry.find_format(given)
    with pytest.raises(LookupError) as caught:
        registry.find_format("zzzzzz")
    assert "Did you mean" not in str(caught.value)


def test_a_path_is_recognised_or_the_candidates_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert registry.recognise(SAMPLE).name == "coco"
    (tmp_path / "a.txt").write_text("nothing")
    with pytest.raises(UnknownFormatError, match=r"no format recognises it.*--from.*coco: "):
        registry.recognise(tmp_path / "a.txt")
    with pytest.raises(OutputError, match=r"io\.read"):
        registry.recognise(tmp_path / "missing")
    coco = registry.find_format("coco")
    twins = {name: msgspec.structs.replace(coco, name=name) for name in ("one", "two")}
    monkeypatch.setattr(registry, "formats", lambda: twins)
    with pytest.raises(UnknownFormatError, match="could be one or two"):
        registry.recognise(SAMPLE)
    with pytest.raises(UnknownFormatError, match="one of: one, two"):
        registry.target_format(tmp_path / "x.json")


def test_a_target_is_known_by_its_suffix() -> None:
    for name in ("x.json", "X.JSON", "a/b.json.gz"):
        entry = registry.target_format(Path(name))
        assert entry.name == "coco"
        assert registry.is_single_file(entry, Path(name))
    assert not registry.is_single_file(registry.find_format("coco"), Path("folder"))
    with pytest.raises(UnknownFormatError, match="--to, one of: coco, yolo, voc"):
        registry.target_format(Path("folder"))


def _format(**options: Option) -> Format:
    coco = registry.find_format("coco")
    return msgspec.structs.replace(coco, options=tuple(options.values()))


def _option(kind: type, **fields: Any) -> Format:
    return _format(x=Option(name="x", help="Help.", kind=kind, **fields))


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        (bool, True, True),
        (bool, "no", False),
        (bool, "Yes", True),
        (bool, 1, True),
        (bool, 0, False),
        (bool, "0", False),
        (int, 3, 3),
        (int, "3", 3),
        (int, 3.0, 3),
        (float, 3, 3.0),
        (float, "2.5", 2.5),
        (str, "a", "a"),
    ],
)
def test_a_value_is_turned_into_its_type(kind: type, given: Any, value: Any) -> None:
    _, writing = registry.check_options(_option(str), _option(kind), {"x": given})
    assert writing == {"x": value}
    assert type(writing["x"]) is kind


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (bool, "perhaps"),
        (bool, 2),
        (bool, []),
        (int, "a"),
        (int, 2.5),
        (int, True),
        (int, float("inf")),
        (str, 3),
        (float, "x"),
    ],
)
def test_a_value_of_another_type_is_refused(kind: type, given: Any) -> None:
    with pytest.raises(UsageError, match=f"option x: .* is no {kind.__name__}. Help."):
        registry.check_options(_option(str), _option(kind), {"x": given})


def test_choices_are_checked_and_converted() -> None:
    entry = _option(int, choices=("0", "1"), default=0)
    for given, value in ((None, 0), ("1", 1), (1, 1)):
        assert registry.check_options(entry, entry, {"x": given})[1] == {"x": value}
    with pytest.raises(UsageError, match="'2' is not one of 0, 1"):
        registry.check_options(entry, entry, {"x": "2"})
    named = _option(str, choices=("bridge", "fill"))
    assert registry.check_options(None, named, {"x": "FILL"})[1] == {"x": "fill"}
    with pytest.raises(UsageError, match="Did you mean 'bridge'"):
        registry.check_options(named, named, {"x": "brigde"})


def test_an_option_of_another_format_is_no_typing_error() -> None:
    coco, yolo = registry.find_format("coco"), registry.find_format("yolo")
    with pytest.raises(UsageError, match="yolo_holes is for writing yolo; it does nothing here"):
        registry.check_options(yolo, coco, {"yolo_holes": "fill"})
    with pytest.raises(UsageError, match=r"unknown option 'coco_hole'. Did you mean 'coco_holes'"):
        registry.check_options(yolo, coco, {"coco_hole": "rle"})
    with pytest.raises(UsageError, match=r"unknown option 'zzzzzzzzzz'. Known: .*coco_holes"):
        registry.check_options(yolo, coco, {"zzzzzzzzzz": 1})
    reading, writing = registry.check_options(yolo, None, {})
    assert writing == {}
    assert all(option.use != "write" for option in yolo.options if option.name in reading)


class _Point:
    def __init__(self, name: str, value: Any) -> None:
        self.name, self._value = name, value

    def load(self) -> Any:
        if isinstance(self._value, Exception):
            raise self._value
        return self._value


@pytest.mark.usefixtures("_fresh")
def test_other_packages_add_formats_and_cannot_break_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    coco = registry.find_format("coco")
    points = [
        _Point("good", msgspec.structs.replace(coco, name="good", aliases=("coco", "fine"))),
        _Point("taken", msgspec.structs.replace(coco, name="coco", title="other")),
    ]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points)
    monkeypatch.setattr(registry, "_may_be_registered", lambda: True)
    registry.formats.cache_clear()
    assert list(registry.formats()) == [*registry._OWN, "good"]
    assert registry.formats()["coco"] == coco
    assert registry.find_format("fine").name == "good"
    assert registry.find_format("COCO") == coco
    points += [_Point("bad", ImportError("no module")), _Point("odd", 3)]
    registry.formats.cache_clear()
    with pytest.warns(UserWarning, match="left out") as told:
        assert list(registry.formats()) == [*registry._OWN, "good"]
    assert len(told) == 2


@pytest.mark.usefixtures("_fresh")
def test_an_installed_package_that_names_the_group_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    info = tmp_path / "other-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[dlgeom.formats]\nother = other_format:FORMAT\n")
    (tmp_path / "other_format.py").write_text(
        "import msgspec\n"
        "from dlgeom.converters.coco.format import FORMAT as coco\n"
        "FORMAT = msgspec.structs.replace(coco, name='other', aliases=())\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    registry.formats.cache_clear()
    assert registry.find_format("other").name == "other"
