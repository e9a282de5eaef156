"""What a format is: a reader and a writer that share nothing but the model.

Readers yield chunks, writers take them, `dlgeom.converters.pipeline` alone connects the two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from dlgeom.chunk import Chunk
from dlgeom.converters.output import Output
from dlgeom.converters.problems import Problems
from dlgeom.geometry.ragged import Rings
from dlgeom.labels import LabelTable
from dlgeom.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from dlgeom.converters.parallel.engine import Engine

__all__ = [
    "ALL",
    "APPROXIMATED",
    "DROPPED",
    "WRITTEN",
    "Format",
    "Losses",
    "Meta",
    "Option",
    "ReadContext",
    "Reader",
    "WriteContext",
    "Writer",
]

WRITTEN, APPROXIMATED, DROPPED = 0, 1, 2

ALL: frozenset[str] = frozenset({"outline", "runs", "keypoints", "extra"})
"""The columns of a chunk that are costly to decode; a writer names those that it needs."""


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """An option of a format: the command line and the docs are made from it.

    Parameters
    ----------
    name : str
        As in Python and in ``options``, for example ``voc_base``; ``--voc-base`` in the shell.
    help : str
        One sentence.
    choices : tuple of str
        Allowed values; empty for free values of type `kind`.
    default : object
        Used where nothing is given.
    kind : type
        `str`, `int`, `float` or `bool`; an int option with choices is converted.
    use : str
        ``read``, ``write`` or ``both``.
    """

    name: str
    help: str
    default: Any = None
    choices: tuple[str, ...] = ()
    kind: type = str
    use: str = "write"


class Meta(msgspec.Struct, kw_only=True):
    """What belongs to a data set as a whole.

    Parameters
    ----------
    format : str
        Format it was read from.
    labels : LabelTable
        The classes, in the file's order; chunks point into it.
    subsets : list of str
        Names of the splits in reading order; [] where the source has none.
    sections : dict of str to bytes
        Root keys of a COCO file in file order with the raw JSON of all but ``images``,
        ``annotations`` and ``categories`` (whose values are b""); {} for other sources.
        With several files: of the first file that has the subset, see `subset_sections`.
    subset_sections : dict of str to dict
        `sections` of each subset.
    extra : dict
        Anything else the source says (``kpt_shape`` of a data.yaml...), by format.
    lists : list of str
        Lists of images that `subsets` do not tell, as messages show them:
        ``ImageSets/Main/trainval``.
    items_first : bool
        Whether all items of a subset are yielded before its first row (a COCO file).
    images_root : Path, optional
        Folder below which the items' images lie, where the reader knows it.
    """

    format: str
    labels: LabelTable
    subsets: list[str] = msgspec.field(default_factory=list)
    sections: dict[str, bytes] = msgspec.field(default_factory=dict)
    subset_sections: dict[str, dict[str, bytes]] = msgspec.field(default_factory=dict)
    extra: dict[str, Any] = msgspec.field(default_factory=dict)
    lists: list[str] = msgspec.field(default_factory=list)
    items_first: bool = False
    images_root: Path | None = None


class Losses(msgspec.Struct, kw_only=True):
    """What a writer could not keep of one chunk; one entry a row in each column.

    Parameters
    ----------
    status : ndarray of uint8, shape (N,)
        0 written as it was, 1 approximated, 2 dropped.
    code : ndarray of int16, shape (N,)
        Index into `codes`; -1 where nothing was lost.
    codes : tuple of (str, str)
        Code and sentence for each kind of loss that this writer knows.
    measure : ndarray of float64, shape (N,)
        How much of the geometry is kept, 0..1 (area of the shape over area of what stands for
        it, or the IoU where that is known in closed form); NaN where it does not apply.
    fields : Counter
        Fields that could not be kept, such as ``id`` or ``attributes``, and how often.
    replaced : Rings, optional
        Where the writer was asked to measure: the outline written instead, one row a row,
        without parts where nothing was replaced.
    """

    status: NDArray[np.uint8]
    code: NDArray[np.int16]
    codes: tuple[tuple[str, str], ...]
    measure: NDArray[np.float64]
    fields: Counter[str] = msgspec.field(default_factory=Counter)
    replaced: Rings | None = None

    @classmethod
    def none(cls, rows: int, codes: tuple[tuple[str, str], ...] = ()) -> Losses:
        """Return columns that say that all of `rows` rows were written as they were."""
        return cls(
            status=np.zeros(rows, dtype=np.uint8),
            code=np.full(rows, -1, dtype=np.int16),
            codes=codes,
            measure=np.full(rows, np.nan),
        )


class ReadContext(msgspec.Struct, kw_only=True):
    """All that a reader is given besides the path."""

    problems: Problems
    limits: Limits = DEFAULT_LIMITS
    options: Mapping[str, Any] = msgspec.field(default_factory=dict)
    images: Path | None = None
    names: Path | None = None
    ground_truth: Path | None = None
    subsets: Sequence[str] = ()
    task: str | None = None
    sizes: bool = True
    """Whether sizes of images are needed; a survey counts without them."""
    engine: Engine | None = None
    """Other processes, for readers that let them read along."""
    alive: Callable[[], None] | None = None
    """Called now and then by readers that take a while to open a source."""


class WriteContext(msgspec.Struct, kw_only=True):
    """All that a writer is given besides the output."""

    output: Output
    meta: Meta
    problems: Problems
    limits: Limits = DEFAULT_LIMITS
    options: Mapping[str, Any] = msgspec.field(default_factory=dict)
    task: str | None = None
    subset: str | None = None
    image_files: str = "none"
    measure: bool = False
    part: bool = False
    """Whether only a part of the target is written, which another process puts in its place."""


class Reader(Protocol):
    """A re-iterable stream of chunks.

    `chunks` may be called again. With ``grouped=True`` all rows of an item are in one chunk and
    next to each other, in the order of ``chunk.items``. Each item is in exactly one chunk of a
    grouped stream; in an ungrouped one it may come first in a chunk without rows (all images of
    a COCO file do) and be mentioned again by later rows. An item without rows is legal.
    Bad records are told to the context's `Problems` and left out.

    A reader whose poses may have other key points than their class (they are objects then) has a
    method ``learn_points()`` that adds them to the classes.
    """

    meta: Meta

    def kinds(self) -> set[str]:
        """Return which of box, rotated, outline, runs, keypoints, other occur anywhere."""
        ...

    def count(self) -> int | None:
        """Return how many images are to come, for a progress bar, or None if nobody knows."""
        ...

    def chunks(self, *, grouped: bool, needs: frozenset[str] = ALL) -> Iterator[Chunk]:
        """Yield the data set; columns not in `needs` may be empty (`Chunk.shapes` tells)."""
        ...


class Writer(Protocol):
    """Takes chunks in the order they come and leaves complete files or none.

    A writer that cannot do without the sizes of images says so by an attribute ``sized``:
    ``items`` where each image needs one, ``rows`` where images with records do.

    Records of shapes without a column are in ``chunk.others``. A writer that holds some of these
    only says so by an attribute ``holds``, type strings of definitions, and gets the others as
    what is nearest to them: ``nearest``, see `dlgeom.converters.lower.Nearest`.
    """

    grouped: bool
    needs: frozenset[str]

    def write(self, chunk: Chunk) -> Losses:
        """Write a chunk; the losses have an entry for each of its rows."""
        ...

    def finish(self) -> None:
        """Write what can be known only at the end."""
        ...


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the registry.

    Parameters
    ----------
    name : str
        Lower-case name.
    title : str
        One line for tables.
    aliases : tuple of str
        Other names it answers to.
    patterns : tuple of str
        What its files look like, for people.
    kinds : tuple of str
        Geometry that it holds natively.
    options : tuple of Option
        Its options, for reading and writing.
    recognise : callable
        ``recognise(path) -> int``: 0 not mine, 1 could be, 2 surely. Cheap: names and the first
        kilobytes of a file.
    open : callable
        ``open(path, ReadContext) -> Reader``.
    create : callable
        ``create(WriteContext) -> Writer``.
    single_file : tuple of str
        Suffixes of TARGET that mean this format as one file (".json", ".json.gz", ".json.zst").
    suffixes : tuple of str
        Endings that a file of this format can have as SOURCE; () if any. Other files are not
        asked about, so that nothing of the format needs to load.
    tasks : tuple of str
        Tasks a target of this format can be written for; () if it holds all kinds at once.
    tasks_for : callable, optional
        ``tasks_for(options) -> tuple of str``: those that options leave of `tasks`.
    variants : dict of str to Format
        Aliases that stand for this format with other defaults.
    films : {"no", "yes", "only"}
        Whether it holds annotations over the frames of videos, or nothing else. For a target that
        does not, frames become images; for one that holds nothing else, images become videos.
    """

    name: str
    title: str
    recognise: Callable[[Path], int]
    open: Callable[[Path, ReadContext], Reader]
    create: Callable[[WriteContext], Writer]
    aliases: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    single_file: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    tasks_for: Callable[[Mapping[str, Any]], tuple[str, ...]] | None = None
    variants: Mapping[str, Format] = msgspec.field(default_factory=dict)
    films: Literal["no", "yes", "only"] = "no"
