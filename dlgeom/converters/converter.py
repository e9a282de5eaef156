"""`Converter`: the documented way to convert annotations, files, folders and data sets."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.converters import registry
from dlgeom.converters.download import write_file
from dlgeom.converters.report import Report
from dlgeom.converters.snippets import Failure, Names, from_snippets, numbered, to_snippets
from dlgeom.dataset import Dataset
from dlgeom.errors import DlgeomError, UnknownFormatError, UsageError
from dlgeom.item import Item

__all__ = ["Converted", "Converter"]

PathLike = str | os.PathLike[str]
Hook = Callable[..., Any]
_SUFFIXES = {
    "coco": ".json",
    "dataloop": ".json",
    "yolo": ".txt",
    "voc": ".xml",
    "vtt": ".vtt",
    "srt": ".srt",
}


class Converted(list[Any]):
    """What `Converter.convert` returns: the new annotations, and in `errors` why some are missing.

    Attributes
    ----------
    errors : list of Failure
        One for each annotation that could not be converted, with its index in what was given.
    """

    def __init__(self, found: Sequence[Any] = (), errors: Sequence[Failure] = ()) -> None:
        super().__init__(found)
        self.errors = list(errors)


class Converter:
    """Converts any format to any other; what it is given is never changed.

    Names of formats are those of `dlgeom.formats`, in any letter case.

    Parameters
    ----------
    concurrency : int, default 6
        How many files of a folder are worked on at once where a `conversion_func` is called.
    return_error_filepath : bool, default False
        Whether `convert_directory` and `convert_dataset` also return whether something went
        wrong, and the file that says what.

    Attributes
    ----------
    labels : sequence or mapping, optional
        The labels that ids stand for, where a format has ids only: names in order (YOLO from 0,
        COCO from 1), {id: name}, or COCO categories.
    report : Report, optional
        That of the last folder or data set.

    Examples
    --------
    >>> from dlgeom.definitions import Box
    >>> item = Item(name="a.jpg", width=64, height=48)
    >>> Converter().to_yolo(Annotation(Box(16, 12, 48, 36, "cat")), item=item)
    '0 0.500000 0.500000 0.500000 0.500000'
    """

    def __init__(self, concurrency: int = 6, return_error_filepath: bool = False) -> None:
        if concurrency < 1:
            raise UsageError(f"concurrency is {concurrency}; it is 1 or more")
        self.concurrency = concurrency
        self.return_error_filepath = return_error_filepath
        self.labels: Names = None
        self.report: Report | None = None

    # Single annotations.

    def convert(
        self,
        annotations: Sequence[Any] | AnnotationCollection,
        from_format: str,
        to_format: str,
        conversion_func: Hook | None = None,
        item: Item | None = None,
        **options: Any,
    ) -> Converted:
        """Convert a list of annotations, or a collection.

        Parameters
        ----------
        annotations : list or AnnotationCollection
            COCO: records; YOLO: rows; VOC: objects as dicts or XML; VTT, SRT: cues as text;
            dataloop: `Annotation` or JSON.
        from_format, to_format : str
            Names of formats.
        conversion_func : callable, optional
            ``conversion_func(annotation, item=item)`` does the step instead, for each annotation.
        item : Item, optional
            What they belong to; YOLO needs its size.
        **options
            Options of the two formats, and `labels`, which overrules the converter's own.

        Returns
        -------
        Converted
            A new list in the target's form; `errors` tells of each annotation that is missing.

        Raises
        ------
        UnknownFormatError, UsageError
            For formats or arguments that do not fit.
        """
        names: Names = options.pop("labels", self.labels)
        if isinstance(annotations, AnnotationCollection):
            item = annotations.item if item is None else item
        given = list(annotations)
        if conversion_func is not None:
            return _hooked(given, conversion_func, item)
        source, target = registry.find_format(from_format), registry.find_format(to_format)
        reading, writing = _split(options, source.options, target.options)
        with tempfile.TemporaryDirectory(prefix="dlgeom-") as place:
            folder = Path(place)
            (folder / "in").mkdir()
            (folder / "out").mkdir()
            made, failures = from_snippets(source.name, given, item, names, folder / "in", reading)
            position = _positions(len(given), failures)
            found, lost = to_snippets(target.name, made, item, names, folder / "out", writing)
        failures += [
            Failure(position[f.index] if 0 <= f.index < len(position) else -1, f.code, f.message)
            for f in lost
        ]
        if target.name == "coco":
            _restore_ids(found, given, source.name, names)
        return Converted(found, sorted(failures, key=lambda failure: failure.index))

    def _one(
        self, annotation: Any, source: str, target: str, item: Item | None, options: Any
    ) -> Any:
        hook = options.pop("conversion_func", None)
        found = self.convert([annotation], source, target, hook, item, **options)
        if found.errors:
            failure = found.errors[0]
            raise UsageError(f"{failure.message} [{failure.code}]")
        return found[0] if len(found) == 1 else list(found)

    def from_coco(self, annotation: Any, item: Item | None = None, **options: Any) -> Annotation:
        """Return a COCO record as an `Annotation`."""
        made: Annotation = self._one(annotation, "coco", "dataloop", item, options)
        return made

    def from_yolo(self, annotation: Any, item: Item | None = None, **options: Any) -> Annotation:
        """Return a YOLO row as an `Annotation`; `item` has the size of the image."""
        made: Annotation = self._one(annotation, "yolo", "dataloop", item, options)
        return made

    def from_voc(self, annotation: Any, item: Item | None = None, **options: Any) -> Annotation:
        """Return a VOC object, a dict or XML, as an `Annotation`."""
        made: Annotation = self._one(annotation, "voc", "dataloop", item, options)
        return made

    def to_coco(self, annotation: Any, item: Item | None = None, **options: Any) -> Any:
        """Return an annotation as a COCO record."""
        return self._one(annotation, "dataloop", "coco", item, options)

    def to_yolo(self, annotation: Any, item: Item | None = None, **options: Any) -> Any:
        """Return an annotation as a YOLO row; `item` has the size of the image."""
        return self._one(annotation, "dataloop", "yolo", item, options)

    def to_voc(self, annotation: Any, item: Item | None = None, **options: Any) -> Any:
        """Return an annotation as a VOC object, a dict."""
        return self._one(annotation, "dataloop", "voc", item, options)

    def custom_format(
        self, annotation: Any, conversion_func: Hook, item: Item | None = None, **options: Any
    ) -> Any:
        """Return what ``conversion_func(annotation, item=item, ...)`` makes of an annotation."""
        return conversion_func(annotation, item=item, **options)

    # Files.

    def convert_file(
        self,
        to_format: str,
        from_format: str,
        file_path: PathLike,
        save_locally: bool = False,
        save_to: PathLike | None = None,
        conversion_func: Hook | None = None,
        item: Item | None = None,
        pbar: Any = None,
        **options: Any,
    ) -> tuple[Converted, list[Failure]]:
        """Convert one file of annotations.

        Parameters
        ----------
        to_format, from_format : str
            Names of formats.
        file_path : path
            The file.
        save_locally : bool, default False
            Whether the result is also written, to `save_to`.
        save_to : path, optional
            File or folder; the file's folder if not given.
        conversion_func : callable, optional
            Does the step from `from_format` to `to_format`, for each annotation.
        item : Item, optional
            What they belong to, where the file does not say it.
        pbar : progress bar, optional
            Its ``update()`` is called when the file is done.

        Returns
        -------
        annotations : Converted
            In the target's form.
        errors : list of Failure
            One for each annotation that could not be converted.
        """
        names: Names = options.pop("labels", self.labels)
        path = Path(file_path)
        source = registry.find_format(from_format)
        pairs, names, errors = self._read_file(path, source.name, item, names, options)
        found = Converted()
        owner = item
        for own, collection in pairs:
            owner = item if item is not None else own
            if conversion_func is not None:
                made = _hooked(list(collection), conversion_func, owner)
            else:
                made = self.convert(
                    collection, "dataloop", to_format, item=owner, labels=names, **options
                )
            found += made
            errors += [Failure(f.index, f.code, f.message, str(path)) for f in made.errors]
        found.errors = errors
        if save_locally:
            place = path.parent if save_to is None else Path(save_to)
            if save_to is None or place.is_dir() or not place.suffix:
                place = place / (path.stem + _suffix(to_format))
            self._save(place, to_format, found, owner, names)
        if pbar is not None:
            pbar.update()
        return found, errors

    def _read_file(
        self, path: Path, source: str, item: Item | None, names: Names, options: dict[str, Any]
    ) -> tuple[list[tuple[Item, AnnotationCollection]], Names, list[Failure]]:
        """Return the items of a file, its labels and what could not be read."""
        more: dict[str, Any] = {}
        if source == "yolo" and path.suffix == ".txt":
            text = path.read_text("utf-8-sig").splitlines()
            rows = [row for row in text if row.strip()]
            with tempfile.TemporaryDirectory(prefix="dlgeom-") as place:
                (Path(place) / "in").mkdir()
                made, failures = from_snippets("yolo", rows, item, names, Path(place) / "in", more)
            owner = item if item is not None else Item(name=path.stem)
            return [(owner, AnnotationCollection(owner, made))], names, failures
        dataset = Dataset.open(path, format=source, on_error="skip")
        try:
            pairs = list(dataset)
        finally:
            dataset.close()
        told = dataset.problems.entries if dataset.problems else []
        errors = [
            Failure(-1, entry.code, f"{entry.location}: {entry.message}", str(path))
            for entry in told
            if entry.status in ("skipped", "file")
        ]
        known = dataset.labels.names or _labels_in(a for _, found in pairs for a in found)
        return pairs, names if names is not None else known, errors

    def save_to_file(
        self,
        save_to: PathLike,
        to_format: str,
        annotations: Sequence[Any] | AnnotationCollection,
        item: Item | None = None,
    ) -> str:
        """Write annotations of one item to a file and return its path.

        Parameters
        ----------
        save_to : path
            The file; a path without suffix gets that of the format.
        to_format : str
            Name of the format; any other name writes a JSON list of what is given.
        annotations : list or AnnotationCollection
            Annotations, or what `convert` made of them. Class ids of the latter stand for the
            converter's `labels`.
        item : Item, optional
            What they belong to.
        """
        return self._save(save_to, to_format, annotations, item, self.labels)

    def _save(
        self,
        save_to: PathLike,
        to_format: str,
        annotations: Sequence[Any] | AnnotationCollection,
        item: Item | None,
        names: Names,
    ) -> str:
        place = Path(save_to)
        if not place.suffix:
            place = place.with_name(place.name + _suffix(to_format))
        try:
            kind = registry.find_format(to_format).name
        except UnknownFormatError:
            kind = ""
        if isinstance(annotations, AnnotationCollection):
            item = annotations.item if item is None else item
        given = list(annotations)
        if kind and any(isinstance(entry, Annotation) for entry in given) and kind != "dataloop":
            if names is None:
                table = getattr(annotations, "labels", None) or ()
                names = list(dict.fromkeys([*(label.name for label in table), *_labels_in(given)]))
            # The ids in what is made stand for these names: both have to be told the same.
            given = list(self.convert(given, "dataloop", kind, item=item, labels=names))
        write_file(place, self._file_text(kind, given, item, names))
        return str(place)

    def _file_text(self, kind: str, given: list[Any], item: Item | None, names: Names) -> bytes:
        if kind == "dataloop":
            from dlgeom.converters.dataloop.api import collection_to_json

            made = AnnotationCollection(item)
            for entry in given:
                made.add(entry if isinstance(entry, Annotation) else Annotation.from_json(entry))
            return _json(collection_to_json(made, item_metadata=True))
        if kind == "yolo":
            return "".join(f"{row}\n" for row in given).encode()
        if kind in ("voc", "vtt", "srt", "coco"):
            with tempfile.TemporaryDirectory(prefix="dlgeom-") as place:
                from dlgeom.converters.snippets import _FILES

                path, _ = _FILES[kind](given, item, names, Path(place))
                return Path(path).read_bytes()
        return _json(given)

    # Folders and data sets.

    def convert_directory(
        self,
        local_path: PathLike,
        to_format: str,
        from_format: str,
        dataset: Dataset | None = None,
        conversion_func: Hook | None = None,
        save_to: PathLike | None = None,
        **options: Any,
    ) -> Any:
        """Convert a folder of annotation files.

        Parameters
        ----------
        local_path : path
            The folder.
        to_format, from_format : str
            Names of formats.
        dataset : Dataset, optional
            Where the items' sizes are known, if the files do not say them.
        conversion_func : callable, optional
            Does the step for each annotation.
        save_to : path, optional
            Folder to write; ``<local_path>_<to_format>`` if not given. One that exists is
            replaced file by file.
        **options
            As for `dlgeom.convert` and of the formats.

        Returns
        -------
        str, or tuple of (str, bool, str or None)
            The folder; with `return_error_filepath` also whether something went wrong, and the
            JSON file that says what.
        """
        source = Path(local_path)
        target = _beside(source, to_format) if save_to is None else Path(save_to)
        opening = {
            key: options.pop(key)
            for key in ("images", "names", "ground_truth", "subsets")
            if key in options
        }
        reading = {
            option.name: options.pop(option.name)
            for option in registry.find_format(from_format).options
            if option.name in options and option.use != "write"
        }
        opened = Dataset.open(source, format=from_format, on_error="skip", **opening, **reading)
        try:
            known = opened if dataset is None else _with_sizes(opened, dataset)
            return self._write(known, to_format, target, conversion_func, options)
        finally:
            opened.close()

    def convert_dataset(
        self,
        dataset: Dataset,
        to_format: str,
        local_path: PathLike,
        conversion_func: Hook | None = None,
        filters: Any = None,
        annotation_filter: Any = None,
        **options: Any,
    ) -> Any:
        """Write a data set in another format.

        Parameters
        ----------
        dataset : Dataset
            Opened from disk, or made in memory.
        to_format : str
            Name of the format.
        local_path : path
            Folder (or, for formats of one file, file) to write.
        conversion_func : callable, optional
            ``conversion_func(annotation, item=item)`` makes the target's form of each annotation.
        filters, annotation_filter : Filters, optional
            Which items, and which annotations.

        Returns
        -------
        str, or tuple of (str, bool, str or None)
            As `convert_directory`.
        """
        for chosen in (filters, annotation_filter):
            if chosen is not None:
                dataset = dataset.filter(chosen)
        return self._write(dataset, to_format, Path(local_path), conversion_func, options)

    def _write(
        self,
        dataset: Dataset,
        to_format: str,
        target: Path,
        hook: Hook | None,
        options: dict[str, Any],
    ) -> Any:
        failures: list[Failure] = []
        if hook is None:
            self.report = dataset.write(target, format=to_format, overwrite=True, **options)
        else:
            failures = self._write_hooked(dataset, to_format, target, hook, options)
        return self._result(target, failures)

    def _write_hooked(
        self,
        dataset: Dataset,
        to_format: str,
        target: Path,
        hook: Hook,
        options: dict[str, Any],
    ) -> list[Failure]:
        """Write what a hook makes of each annotation."""
        failures: list[Failure] = []
        try:
            kind = registry.find_format(to_format).name
        except UnknownFormatError:
            kind = ""
        names = dataset.labels.names or None

        def work(pair: tuple[Item, AnnotationCollection]) -> tuple[Item, Converted]:
            return pair[0], _hooked(list(pair[1]), hook, pair[0])

        done: list[tuple[Item, AnnotationCollection]] = []
        for item, made in self._map(work, dataset):
            failures += [Failure(f.index, f.code, f.message, item.name) for f in made.errors]
            if not kind:
                stem = item.name or f"item_{max(item.number, 0)}"
                write_file(_below(target, stem + ".json"), _json(list(made)))
                continue
            with tempfile.TemporaryDirectory(prefix="dlgeom-") as place:
                found, lost = from_snippets(kind, made, item, names, Path(place), {})
            failures += [Failure(f.index, f.code, f.message, item.name) for f in lost]
            done.append((item, AnnotationCollection(item, found)))
        if kind:
            made_set = Dataset.from_pairs(done, labels=names)
            self.report = made_set.write(target, format=kind, overwrite=True, **options)
        return failures

    def _map(self, work: Callable[[Any], Any], entries: Any) -> Iterator[Any]:
        """Yield results in order, some of them made at once."""
        with ThreadPoolExecutor(self.concurrency) as pool:
            yield from pool.map(work, entries)

    def _result(self, target: Path, failures: list[Failure]) -> Any:
        report = self.report
        bad = bool(failures) or (report is not None and report.exit_code() != 0)
        if not self.return_error_filepath:
            return str(target)
        if not bad:
            return str(target), False, None
        place = target.with_name(target.name + "_errors.json")
        told: dict[str, Any] = {} if report is None else report.summary()
        told["errors"] = [
            {"index": f.index, "code": f.code, "message": f.message, "path": f.path}
            for f in failures
        ]
        write_file(place, _json(told))
        return str(target), True, str(place)


def _hooked(given: list[Any], hook: Hook, item: Item | None) -> Converted:
    """Call a hook for each annotation, each on a copy of its own."""
    found = Converted()
    for index, annotation in enumerate(given):
        own = annotation.copy() if hasattr(annotation, "copy") else annotation
        try:
            found.append(hook(own, item=item))
        except Exception as error:  # whatever the user's function raises costs one annotation
            found.errors.append(Failure(index, "hook.failed", f"{type(error).__name__}: {error}"))
    return found


def _positions(count: int, failures: list[Failure]) -> list[int]:
    """Return for each annotation that was read its index in what was given."""
    gone = {failure.index for failure in failures}
    return [index for index in range(count) if index not in gone]


def _split(options: dict[str, Any], reads: Any, writes: Any) -> tuple[dict[str, Any], Any]:
    reading = {o.name for o in reads if o.use != "write"}
    writing = {o.name for o in writes if o.use != "read"}
    known = reading | writing | {"task", "images"}
    for name in options:
        if name not in known:
            raise UsageError(f"unknown option {name!r}; known: {', '.join(sorted(known))}")
    return (
        {name: value for name, value in options.items() if name in reading},
        {name: value for name, value in options.items() if name in writing or name == "task"},
    )


def _restore_ids(found: list[Any], given: list[Any], source: str, names: Names) -> None:
    """Give COCO records the category ids that the labels have."""
    known = {name: number for number, name in numbered(names, 1).items()}
    if not known:
        return
    order = list(numbered(names, 1).values())
    for record in found:
        number = record.get("category_id")
        if isinstance(number, int) and 1 <= number <= len(order):
            record["category_id"] = known[order[number - 1]]


def _labels_in(annotations: Iterable[Any]) -> list[str]:
    """Return the labels that annotations have, sorted."""
    found = {a.label for a in annotations if isinstance(a, Annotation)}
    return sorted(label for label in found if label is not None)


def _suffix(to_format: str) -> str:
    try:
        return _SUFFIXES.get(registry.find_format(to_format).name, ".json")
    except UnknownFormatError:
        return ".json"


def _beside(source: Path, to_format: str) -> Path:
    name = source.name.rstrip("/") or "converted"
    return source.with_name(f"{name}_{to_format.lower()}")


def _below(folder: Path, name: str) -> Path:
    from dlgeom.converters.names import output_name, safe_name

    place = folder / output_name(safe_name(name)[0])
    place.parent.mkdir(parents=True, exist_ok=True)
    return place


def _with_sizes(opened: Dataset, known: Dataset) -> Dataset:
    """Return a data set in memory whose items have the sizes that another one knows."""
    sizes = {item.name: (item.width, item.height) for item, _ in known}
    pairs = []
    for item, collection in opened:
        if not (item.width and item.height) and item.name in sizes:
            item.width, item.height = sizes[item.name]
        pairs.append((item, collection))
    return Dataset.from_pairs(pairs, labels=list(opened.labels))


def _json(value: Any) -> bytes:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2, default=_plain)
    except ValueError as error:
        raise UsageError(f"cannot be written as JSON ({error})") from error
    return text.encode("utf-8", "surrogatepass")


def _plain(value: Any) -> Any:
    if isinstance(value, Annotation):
        return value.to_json()
    if hasattr(value, "tolist"):
        return value.tolist()
    raise DlgeomError(f"{value!r} cannot be written as JSON; give dicts, lists, numbers or texts")
