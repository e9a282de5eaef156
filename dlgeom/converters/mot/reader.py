"""Reading MOTChallenge: a file of rows, a sequence, or a folder of sequences."""

from __future__ import annotations

import configparser
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dlgeom.annotation import Annotation
from dlgeom.converters.base import Meta, ReadContext
from dlgeom.converters.inputs import check_inside, decode_text, read_bytes
from dlgeom.converters.items import ItemReader, ItemRecord
from dlgeom.converters.mot.options import CLASSES
from dlgeom.converters.mot.recognise import sequences
from dlgeom.converters.mot.rows import Row, parse_rows
from dlgeom.converters.names import safe_name
from dlgeom.converters.problems import Problems
from dlgeom.definitions import Box
from dlgeom.errors import FormatError, UsageError
from dlgeom.item import Item
from dlgeom.labels import Label, LabelTable
from dlgeom.video.editing import from_detections

__all__ = ["MotReader"]


class _Sequence(NamedTuple):
    """One file of rows and what lies around it."""

    file: Path
    shown: str
    name: str
    kind: str
    folder: Path | None


class MotReader(ItemReader):
    """A MOTChallenge source; see `dlgeom.converters.base.Reader`.

    Each sequence is a video; the rows of an id are one annotation over frames, hidden where it has
    no row; rows without an id (-1) are annotations of one frame.
    """

    unit = "line {}"

    def __init__(self, path: Path, context: ReadContext) -> None:
        super().__init__(Meta(format="mot", labels=LabelTable()), context)
        self._root = path
        wanted = str(context.options["mot_kind"])
        self._sequences = _sequences(path, wanted)
        self._origin = int(context.options["mot_origin"])
        self._label = str(context.options["mot_label"])

    def count(self) -> int:
        """Return how many sequences there are."""
        return len(self._sequences)

    def kinds(self) -> set[str]:
        """Return what occurs: boxes, alone or over frames."""
        return {"box", "other"}

    def records(self, problems: Problems) -> Iterator[ItemRecord]:
        """Yield a record for each sequence; one of many that cannot be trusted is left out."""
        for sequence in self._sequences:
            try:
                if self._root.is_dir():
                    check_inside(sequence.file, self._root, sequence.shown)
                yield self._read(sequence, problems)
            except FormatError as error:
                if len(self._sequences) == 1:
                    raise
                problems.file(error)

    def _read(self, sequence: _Sequence, problems: Problems) -> ItemRecord:
        limits = self.context.limits
        data = read_bytes(
            sequence.file, limit_name="file_bytes", limits=limits, shown=sequence.shown, empty=True
        )
        text, note = decode_text(data, sequence.shown)
        if note:
            problems.notice(note, "is UTF-16; read as that", path=sequence.shown)
        rows = list(parse_rows(text, sequence.shown, problems, limits))
        item = self._item(sequence, problems)
        first = 1
        if any(row.frame == 0 for row in rows):
            first = 0
            problems.notice(
                "video.frames",
                "has rows of frame 0; its frames are taken to count from 0, not 1",
                path=sequence.shown,
            )
        kind = sequence.kind if sequence.kind != "auto" else _kind(rows)
        classes = self._classes(sequence, problems)
        annotations, lines = self._annotations(rows, kind, first, classes, sequence, problems)
        for annotation in annotations:
            annotation.item = item
        return ItemRecord(item, annotations, sequence.shown, lines)

    def _annotations(
        self,
        rows: list[Row],
        kind: str,
        first: int,
        classes: dict[int, str],
        sequence: _Sequence,
        problems: Problems,
    ) -> tuple[list[Annotation], list[int]]:
        tracks: dict[int, dict[int, Box]] = {}
        lines: dict[int, int] = {}
        lone: list[tuple[Annotation, int]] = []
        for row in rows:
            box, score = self._box(row, kind, classes, sequence, problems)
            frame = row.frame - first
            known = tracks.get(row.thing, {}).get(frame)
            if row.thing < 0 or known is not None:
                if known == box:
                    problems.notice(
                        "record.duplicate",
                        "repeats an earlier row; it is read once",
                        path=sequence.shown,
                        location=f"line {row.line}",
                    )
                    continue
                if known is not None:
                    problems.notice(
                        "ref.duplicate_id",
                        f"object {row.thing} has another row in frame {row.frame}; both are kept",
                        path=sequence.shown,
                        location=f"line {row.line}",
                    )
                alone = Annotation(
                    box,
                    object_id=None if row.thing < 0 else str(row.thing),
                    frame_num=frame,
                    end_frame_num=frame,
                    score=score,
                )
                lone.append((alone, row.line))
                continue
            tracks.setdefault(row.thing, {})[frame] = box
            lines.setdefault(row.thing, row.line)
        found: list[tuple[Annotation, int]] = []
        for thing, states in tracks.items():
            [track] = from_detections((frame, thing, box) for frame, box in states.items())
            found.append((track.to_annotation(), lines[thing]))
        found += lone
        found.sort(key=lambda entry: entry[1])
        return [annotation for annotation, _ in found], [line for _, line in found]

    def _box(
        self,
        row: Row,
        kind: str,
        classes: dict[int, str],
        sequence: _Sequence,
        problems: Problems,
    ) -> tuple[Box, float | None]:
        """Return the box of a row with what else it says, and the score of a lone detection."""
        label, attributes, score = self._label, dict[str, Any](), None
        rest = row.rest
        if kind == "gt":
            if rest and rest[0] == 0:
                attributes["ignored"] = True
            if len(rest) == 3:
                label = self._class(rest[1], classes, row, sequence, problems)
                if rest[2] != 1:
                    attributes["visibility"] = rest[2]
            elif len(rest) == 4 and any(value != -1 for value in rest[1:]):
                attributes["world"] = list(rest[1:])
        elif rest and rest[0] != -1:
            if row.thing < 0:
                score = rest[0]
            else:
                attributes["score"] = rest[0]
        left, top = row.left - self._origin, row.top - self._origin
        edges = (left, top, left + row.width, top + row.height)
        return Box(*edges, label, attributes or None), score

    def _class(
        self,
        value: float,
        classes: dict[int, str],
        row: Row,
        sequence: _Sequence,
        problems: Problems,
    ) -> str:
        if value == int(value) and int(value) in classes:
            return classes[int(value)]
        problems.repaired(
            "ref.category",
            f"class {value:g} has no name; known are {', '.join(map(str, classes))}. The label is "
            f"its number. Name it in labels.txt",
            path=sequence.shown,
            location=f"line {row.line}",
        )
        return f"{value:g}"

    def _classes(self, sequence: _Sequence, problems: Problems) -> dict[int, str]:
        """Return number -> name: of ``labels.txt``, whose lines count from 1, else of MOT16."""
        known = dict(enumerate(CLASSES, 1))
        folder = sequence.file.parent
        for place in (folder, *([] if sequence.folder is None else [sequence.folder])):
            file = place / "labels.txt"
            if file.is_file():
                shown = f"{sequence.shown.rpartition('/')[0]}/labels.txt".lstrip("/")
                check_inside(file, self._root if self._root.is_dir() else place, shown)
                text, _ = decode_text(read_bytes(file, shown=shown), shown)
                names = [line.strip() for line in text.splitlines()]
                known = {k: name for k, name in enumerate(names, 1) if name}
                break
        for number, name in known.items():
            if self.meta.labels.find(name) is None and known != dict(enumerate(CLASSES, 1)):
                self.meta.labels.add(Label(name=name, id=number))
        return known

    def _name(
        self, facts: dict[str, str], sequence: _Sequence, shown: str, problems: Problems
    ) -> str:
        """Return the name of the sequence: that of its folder where another is refused."""
        if "name" not in facts:
            return sequence.name
        try:
            name, note = safe_name(facts["name"], limits=self.context.limits, shown=shown)
        except FormatError as error:
            problems.warning(
                error.code,
                f"{error.message}; the name of the folder is used",
                path=shown,
            )
            return sequence.name
        if note:
            problems.notice(note, f"name is read as {name!r}", path=shown)
        return name

    def _item(self, sequence: _Sequence, problems: Problems) -> Item:
        """Return the video, with what ``seqinfo.ini`` says of it."""
        facts: dict[str, str] = {}
        info = None if sequence.folder is None else sequence.folder / "seqinfo.ini"
        shown = f"{sequence.name}/seqinfo.ini"
        if info is not None and info.is_file():
            check_inside(info, self._root, shown)
            text, _ = decode_text(read_bytes(info, limit_name="yaml_bytes", shown=shown), shown)
            facts = _seqinfo(text, shown, problems)
        fields: dict[str, Any] = {key: facts[key] for key in ("imDir", "imExt") if key in facts}
        return Item(
            name=self._name(facts, sequence, shown, problems),
            width=_whole(facts, "imWidth", shown, problems),
            height=_whole(facts, "imHeight", shown, problems),
            media="video",
            fps=_rate(facts, shown, problems),
            frame_count=_whole(facts, "seqLength", shown, problems),
            fields=fields or None,
        )


def _sequences(path: Path, wanted: str) -> list[_Sequence]:
    """Return the files of rows at a path."""
    if not path.is_dir():
        return [_alone(path, wanted)]
    found = []
    for folder in sequences(path):
        relative = "" if folder == path else folder.relative_to(path).as_posix() + "/"
        name = folder.name
        for kind, part in (("gt", "gt/gt.txt"), ("det", "det/det.txt")):
            if (folder / part).is_file() and wanted in ("auto", kind):
                found.append(_Sequence(folder / part, relative + part, name, kind, folder))
                break
    if not found:
        raise FormatError(
            "has no gt/gt.txt and no det/det.txt, in no folder. Name the folder of a sequence, or "
            "the file itself",
            code="schema.root",
            path=str(path),
        )
    return found


def _alone(path: Path, wanted: str) -> _Sequence:
    place = path.resolve()
    kind = place.parent.name if place.parent.name in ("gt", "det") else wanted
    if kind == "auto" and path.stem.lower() in ("gt", "det"):
        kind = path.stem.lower()
    inside = place.parent.name in ("gt", "det")
    folder = place.parent.parent if inside else None
    name = folder.name if folder is not None else path.stem
    return _Sequence(path, path.name, name, kind if wanted == "auto" else wanted, folder)


def _kind(rows: list[Row]) -> str:
    """Return what rows are, by their columns."""
    if rows and all(len(row.rest) == 3 for row in rows):
        return "gt"
    if rows and all(row.thing < 0 for row in rows):
        return "det"
    flags = {row.rest[0] for row in rows if row.rest}
    worlds = any(len(row.rest) == 4 for row in rows)
    return "gt" if worlds and flags <= {0, 1} and flags else "results"


def _seqinfo(text: str, shown: str, problems: Problems) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None, strict=True, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
        return dict(parser["Sequence"])
    except (configparser.Error, KeyError) as error:
        why = " ".join(str(error).split())[:200]
        problems.warning(
            "schema.field",
            f"cannot be read ({why}); it has a section [Sequence] with key=value lines. Size and "
            "rate are unknown",
            path=shown,
        )
        return {}


def _whole(facts: dict[str, str], key: str, shown: str, problems: Problems) -> int | None:
    text = facts.get(key)
    if text is None:
        return None
    if text.isascii() and text.isdigit() and 0 < int(text[:12]) < 10**9:
        return int(text)
    problems.warning("type.number", f"{key} is {text[:40]!r}; it is a number above 0", path=shown)
    return None


def _rate(facts: dict[str, str], shown: str, problems: Problems) -> float | None:
    from dlgeom.video.timebase import as_rate

    text = facts.get("frameRate")
    if text is None:
        return None
    try:
        return float(as_rate(text))
    except UsageError:
        problems.warning(
            "type.number", f"frameRate is {text[:40]!r}; it is a number above 0", path=shown
        )
        return None
