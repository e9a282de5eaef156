"""Class files: YAML read as text, and what a ``data.yaml`` says about a data set.

YAML guesses types (``no`` is a bool, ``1.0`` a float, ``~`` nothing), runs constructors by tag
and lets a few bytes stand for gigabytes by aliases. So only the parser's events are used: every
scalar stays the text it is, tags, aliases and repeated keys are refused (reliability page,
section 6).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from dlgeom.converters.inputs import decode_text, read_bytes
from dlgeom.errors import FormatError, LimitError
from dlgeom.limits import DEFAULT_LIMITS, Limits

__all__ = ["DataYaml", "Note", "Scalar", "load_class_yaml", "parse_class_yaml", "read_data_yaml"]

_INTEGER = re.compile(r"[-+]?[0-9]{1,18}(?:\.0+)?")
_SPLITS = {"train": "train", "val": "val", "validation": "val", "valid": "val", "test": "test"}
_TASKS = frozenset({"detect", "segment", "pose", "obb", "classify"})
_KNOWN = frozenset(
    {*_SPLITS, "path", "names", "nc", "kpt_shape", "flip_idx", "kpt_names", "task", "download"}
    | {"category_ids", "skip_if_label_file_missing"}
)
MAX_CLASS = 10**9


class Scalar(str):
    """The text of a YAML scalar, with what a YAML reader would make of it.

    Parameters
    ----------
    text : str
        As in the file, without quotes.
    kind : str
        ``str``, ``int``, ``float``, ``bool``, ``null`` or another YAML type.
    line : int
        Counted from 1.
    """

    __slots__ = ("kind", "line")

    kind: str
    line: int

    def __new__(cls, text: str, kind: str = "str", line: int = 0) -> Scalar:
        """Build the text and keep its kind."""
        scalar = super().__new__(cls, text)
        scalar.kind = kind
        scalar.line = line
        return scalar

    @property
    def integer(self) -> int | None:
        """The value if it is a decimal integer, quoted or not; ``2.0`` counts as 2."""
        return int(self.partition(".")[0]) if _INTEGER.fullmatch(self) else None


class Note(msgspec.Struct, frozen=True):
    """Something to tell about a file that is read all the same."""

    status: str
    code: str
    message: str
    location: str | None = None


class DataYaml(msgspec.Struct, kw_only=True):
    """What a ``data.yaml`` says.

    Parameters
    ----------
    names : dict of int to str
        Class index -> name; indexes may have gaps. Empty where the file has no names.
    root : str
        Its ``path``, "" where it has none.
    splits : dict of str to list of str
        ``train``, ``val``, ``test`` -> folders, lists of images or images, as written.
    kpt_shape : (int, int), optional
        Number of keypoints and numbers for each (2 or 3).
    flip : tuple of int
        ``flip_idx``.
    keypoints : dict of int to tuple of str
        Names of the keypoints of each class; class -1 stands for all.
    task : str, optional
        ``detect``, ``segment``, ``pose``, ``obb`` or ``classify``, where the file says it.
    category_ids : list
        The ids that the classes had in a COCO file, one for each name in order.
    skip_missing : bool
        Whether images without a label file are left out.
    extra : dict
        Keys that mean nothing here; a YOLO target keeps them.
    notes : list of Note
        What to tell the user.
    """

    names: dict[int, str] = msgspec.field(default_factory=dict)
    root: str = ""
    splits: dict[str, list[str]] = msgspec.field(default_factory=dict)
    kpt_shape: tuple[int, int] | None = None
    flip: tuple[int, ...] = ()
    keypoints: dict[int, tuple[str, ...]] = msgspec.field(default_factory=dict)
    task: str | None = None
    category_ids: list[int | str] = msgspec.field(default_factory=list)
    skip_missing: bool = False
    extra: dict[str, Any] = msgspec.field(default_factory=dict)
    notes: list[Note] = msgspec.field(default_factory=list)


def load_class_yaml(
    path: Path, limits: Limits = DEFAULT_LIMITS, *, shown: str | None = None
) -> dict[str, Any]:
    """Read a YAML file whose root is a mapping; every scalar is a `Scalar`.

    Parameters
    ----------
    path : Path
        The file.
    limits : Limits
        ``yaml_bytes``, ``depth`` and ``text`` hold.
    shown : str, optional
        Path for messages.

    Returns
    -------
    dict
        Values are `Scalar`, list or dict.

    Raises
    ------
    FormatError
        ``yaml.syntax``, ``yaml.duplicate_key``, ``yaml.tag``, ``yaml.recursive``,
        ``schema.root`` or what is wrong with the file.
    LimitError
        ``limit.bytes``, ``limit.depth``, ``limit.text`` or ``limit.aliases``.
    """
    name = str(path) if shown is None else shown
    data = read_bytes(path, limit_name="yaml_bytes", limits=limits, shown=name)
    return parse_class_yaml(decode_text(data, name)[0], limits, shown=name)


def parse_class_yaml(
    text: str, limits: Limits = DEFAULT_LIMITS, *, shown: str = "data.yaml"
) -> dict[str, Any]:
    """Parse the text of a class file; see `load_class_yaml`."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    events = yaml.parse(text, Loader=loader)
    try:
        root = _Builder(events, limits, shown).document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise FormatError(
            f"is no valid YAML ({getattr(error, 'problem', None) or 'unreadable characters'}); "
            "indent with blanks and quote names with special characters. Correct the file",
            code="yaml.syntax",
            path=shown,
            location=None if mark is None else f"line {mark.line + 1}",
        ) from error
    if not isinstance(root, dict):
        raise FormatError(
            "holds no mapping; a class file has keys such as names and train. Correct the file",
            code="schema.root",
            path=shown,
        )
    return root


class _Builder:
    """Turns parser events into dicts, lists and scalars without recursion."""

    def __init__(self, events: Iterator[Any], limits: Limits, shown: str) -> None:
        import yaml

        self._events = events
        self._limits = limits
        self._shown = shown
        self._resolver: Any = yaml.resolver.Resolver()
        self._scalar_node = yaml.ScalarNode
        self._aliases = 0
        # Values with a name; None for those that hold aliases themselves, which would multiply.
        self._named: dict[str, Any] = {}

    def _refuse(self, code: str, message: str, event: Any) -> FormatError:
        kind = LimitError if code.startswith("limit.") else FormatError
        line = event.start_mark.line + 1
        return kind(message, code=code, path=self._shown, location=f"line {line}")

    def _scalar(self, event: Any) -> Scalar:
        self._limits.check(
            "text",
            len(event.value),
            code="limit.text",
            what="length of a value",
            path=self._shown,
        )
        tag = self._resolver.resolve(self._scalar_node, event.value, event.implicit)
        return Scalar(event.value, tag.rpartition(":")[2], event.start_mark.line + 1)

    def _check(self, event: Any, anchors: list[str | None]) -> None:
        kind = type(event).__name__
        if kind == "AliasEvent":
            if event.anchor in anchors:
                raise self._refuse(
                    "yaml.recursive",
                    f"alias *{event.anchor} stands inside of what it names; a value cannot hold "
                    "itself. Write the value out",
                    event,
                )
            self._aliases += 1
            allowed = self._limits.yaml_aliases
            if self._aliases > allowed:
                raise self._refuse(
                    "limit.aliases",
                    f"alias *{event.anchor} is number {self._aliases} of the file; the limit "
                    f"yaml_aliases is {allowed}. Write the value out, or raise it with --limit "
                    f"yaml_aliases={self._aliases}",
                    event,
                )
        if getattr(event, "tag", None) is not None:
            raise self._refuse(
                "yaml.tag",
                f"tag {event.tag[:60]!r}; class files hold plain values. Remove the tag",
                event,
            )

    def _aliased(self, event: Any, depth: int) -> Any:
        """Return what an alias stands for."""
        value = self._named.get(event.anchor)
        if value is None:
            raise self._refuse(
                "limit.aliases" if event.anchor in self._named else "yaml.syntax",
                f"alias *{event.anchor} stands for nothing before it, or for something with "
                "aliases. Write the value out",
                event,
            )
        self._limits.check(
            "depth", depth + _depth(value), code="limit.depth", what="nesting", path=self._shown
        )
        return value

    def document(self) -> Any:
        """Return the value of the only document."""
        stack: list[dict[str, Any] | list[Any]] = []
        keys: list[Scalar | None] = []
        anchors: list[str | None] = []
        begun: list[int] = []
        root: Any = None
        documents = 0
        for event in self._events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                documents += 1
                if documents > 1:
                    raise self._refuse(
                        "yaml.syntax",
                        "a second document begins; a class file is one document. Split the file",
                        event,
                    )
            elif kind in ("MappingEndEvent", "SequenceEndEvent"):
                done = stack.pop()
                keys.pop()
                plain = begun.pop() == self._aliases
                anchor = anchors.pop()
                if anchor is not None:
                    self._named[anchor] = done if plain else None
            elif kind in ("ScalarEvent", "AliasEvent", "MappingStartEvent", "SequenceStartEvent"):
                self._check(event, anchors)
                value: Any
                if kind == "ScalarEvent":
                    value = self._scalar(event)
                    if event.anchor is not None:
                        self._named[event.anchor] = value
                elif kind == "AliasEvent":
                    value = self._aliased(event, len(stack))
                else:
                    value = {} if kind == "MappingStartEvent" else []
                if not stack:
                    root = value
                else:
                    self._put(stack[-1], keys, value, event)
                if kind in ("MappingStartEvent", "SequenceStartEvent"):
                    stack.append(value)
                    begun.append(self._aliases)
                    keys.append(None)
                    anchors.append(event.anchor)
                    self._limits.check(
                        "depth",
                        len(stack),
                        code="limit.depth",
                        what="nesting",
                        path=self._shown,
                    )
        return root

    def _put(self, into: dict[str, Any] | list[Any], keys: list[Any], value: Any, at: Any) -> None:
        """Add a value to a list, or take it as key or value of a mapping."""
        if isinstance(into, list):
            into.append(value)
        elif keys[-1] is None:
            if not isinstance(value, Scalar):
                raise self._refuse("yaml.syntax", "a key is no plain text. Correct the file", at)
            if value in into:
                raise self._refuse(
                    "yaml.duplicate_key",
                    f"key {value[:60]!r} comes twice; which one counts cannot be told. Remove one",
                    at,
                )
            keys[-1] = value
        else:
            into[keys[-1]] = value
            keys[-1] = None


def _depth(value: Any) -> int:
    """Return how many levels a value has; it was measured while it was read."""
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(map(_depth, inner), default=0) if isinstance(value, dict | list) else 0


# ---------------------------------------------------------------------------------------------
# What the keys mean


def read_data_yaml(
    path: Path, limits: Limits = DEFAULT_LIMITS, *, shown: str | None = None
) -> DataYaml:
    """Read a ``data.yaml``.

    Raises
    ------
    FormatError
        As `load_class_yaml`; ``schema.names`` or ``schema.field`` for values of a wrong kind.
    """
    name = str(path) if shown is None else shown
    return _Interpreter(load_class_yaml(path, limits, shown=name), name).result


class _Interpreter:
    """Reads the keys of one file."""

    def __init__(self, values: dict[str, Any], shown: str) -> None:
        self._values = values
        self._shown = shown
        self.result = DataYaml()
        self._names()
        self._places()
        self._keypoints()
        self._rest()

    def _note(self, status: str, code: str, message: str, at: Any = None) -> None:
        location = f"line {at.line}" if isinstance(at, Scalar) and at.line else None
        self.result.notes.append(Note(status, code, message, location))

    def _wrong(self, key: str, due: str, code: str = "schema.field", at: Any = None) -> FormatError:
        location = f"line {at.line}" if isinstance(at, Scalar) and at.line else key
        return FormatError(
            f"{key} is not {due}. Correct the file", code=code, path=self._shown, location=location
        )

    def _names(self) -> None:
        names = self._values.get("names")
        if names is None or (isinstance(names, Scalar) and names.kind == "null"):
            return
        if isinstance(names, list):
            pairs = list(enumerate(names))
        elif isinstance(names, dict):
            pairs = [(self._index(key), name) for key, name in names.items()]
        else:
            raise self._wrong("names", "a list or a mapping", "schema.names", names)
        for index, name in pairs:
            if not isinstance(name, Scalar) or not name.strip():
                raise self._wrong(f"names[{index}]", "a name", "schema.names", name)
            if index in self.result.names:
                raise self._wrong(f"names[{index}]", "named once", "yaml.duplicate_key", name)
            if name.kind != "str":
                self._note(
                    "warning",
                    "type.text",
                    f"name {str(name)!r} of class {index} is a {name.kind} to YAML; it is read as "
                    "the text it is. Put it in quotes",
                    name,
                )
            self.result.names[index] = str(name)
        self._check_names()

    def _index(self, key: Scalar) -> int:
        index = key.integer
        if index is None or not 0 <= index <= MAX_CLASS:
            raise self._wrong(f"names: key {key[:40]!r}", "a class index", "schema.names", key)
        if key.kind != "int" or not key.isdecimal():
            self._note(
                "warning",
                "type.id",
                f"class index {str(key)!r} is text; it is read as the number. Remove the quotes",
                key,
            )
        return index

    def _check_names(self) -> None:
        names = self.result.names
        seen: dict[str, int] = {}
        for index, name in names.items():
            if name in seen:
                self._note(
                    "warning",
                    "ref.duplicate_name",
                    f"classes {seen[name]} and {index} are both named {name!r}; both are kept. "
                    "Rename one",
                )
            seen.setdefault(name, index)
        count = self._values.get("nc")
        if count is None:
            return
        number = count.integer if isinstance(count, Scalar) else None
        if number is None:
            raise self._wrong("nc", "a number of classes", at=count)
        if names and number not in (len(names), max(names) + 1):
            self._note(
                "warning",
                "schema.field",
                f"nc is {number}, but there are {len(names)} names; the names count. Correct nc",
                count,
            )

    def _places(self) -> None:
        root = self._values.get("path")
        if isinstance(root, Scalar):
            self.result.root = "" if root.kind == "null" else str(root)
        elif root is not None:
            raise self._wrong("path", "a folder", at=root)
        for key, subset in _SPLITS.items():
            value = self._values.get(key)
            entries = value if isinstance(value, list) else [value]
            for entry in entries:
                if entry is None or (isinstance(entry, Scalar) and entry.kind == "null"):
                    continue
                if not isinstance(entry, Scalar):
                    raise self._wrong(key, "a folder, a list file or a list of them")
                self.result.splits.setdefault(subset, []).append(str(entry))

    def _integers(self, key: str) -> list[int] | None:
        value = self._values.get(key)
        if value is None or (isinstance(value, Scalar) and value.kind == "null"):
            return None
        numbers = [
            entry.integer if isinstance(entry, Scalar) else None
            for entry in (value if isinstance(value, list) else [None])
        ]
        if any(number is None for number in numbers):
            raise self._wrong(key, "a list of integers")
        return [number for number in numbers if number is not None]

    def _keypoints(self) -> None:
        shape = self._integers("kpt_shape")
        if shape is None:
            return
        if len(shape) != 2 or not 1 <= shape[0] <= 10_000 or shape[1] not in (2, 3):
            raise self._wrong("kpt_shape", "[number of keypoints, 2 or 3]")
        self.result.kpt_shape = shape[0], shape[1]
        flip = self._integers("flip_idx")
        if flip is not None:
            if sorted(flip) != list(range(shape[0])):
                raise self._wrong("flip_idx", f"each of 0..{shape[0] - 1} once")
            self.result.flip = tuple(flip)
        names = self._values.get("kpt_names")
        groups = names if isinstance(names, dict) else {"-1": names}
        for key, group in groups.items():
            index = Scalar(key).integer
            if group is None or index is None:
                continue
            if not isinstance(group, list) or not all(isinstance(n, Scalar) for n in group):
                raise self._wrong("kpt_names", "a list of names for each class")
            if len(group) != shape[0]:
                raise self._wrong("kpt_names", f"{shape[0]} names, as kpt_shape says")
            self.result.keypoints[index] = tuple(str(name) for name in group)

    def _rest(self) -> None:
        task = self._values.get("task")
        if isinstance(task, Scalar) and task in _TASKS:
            self.result.task = str(task)
        ids = self._values.get("category_ids")
        if isinstance(ids, list) and all(isinstance(entry, Scalar) for entry in ids):
            if len(ids) != len(self.result.names):
                raise self._wrong("category_ids", "one id for each name")
            self.result.category_ids = [_identifier(entry) for entry in ids]
        missing = self._values.get("skip_if_label_file_missing")
        self.result.skip_missing = isinstance(missing, Scalar) and missing.lower() in (
            "true",
            "yes",
            "on",
        )
        if "download" in self._values:
            self._note(
                "notice",
                "yaml.ignored_key",
                "key 'download' is ignored; nothing is ever downloaded or run",
            )
        self.result.extra = {
            str(key): _plain(value) for key, value in self._values.items() if key not in _KNOWN
        }


def _identifier(entry: Scalar) -> int | str:
    # Ids of a COCO file may be integers of any size, or text.
    if entry.kind == "int" and re.fullmatch(r"-?[0-9]{1,4000}", entry):
        return int(entry)
    return str(entry)


def _plain(value: Any) -> Any:
    """Turn scalars into what a YAML reader makes of them."""
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    if value.kind == "str":
        return str(value)
    import yaml

    try:
        return yaml.safe_load(value)
    except (yaml.YAMLError, ValueError):  # a date that is none
        return str(value)
