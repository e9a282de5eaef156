"""Writing subtitle files: a single one, or one for each item in a folder."""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

from dlgeom.annotation import Annotation, AnnotationCollection
from dlgeom.converters.base import WriteContext
from dlgeom.converters.inputs import check_size
from dlgeom.converters.items import ItemLosses, ItemWriter
from dlgeom.converters.names import Claims, output_name, safe_name, stem_of
from dlgeom.converters.subtitles.spans import Span, span_of
from dlgeom.definitions import Subtitle
from dlgeom.errors import FormatError, UsageError
from dlgeom.item import Item

__all__ = ["Entry", "SubtitleWriter"]

_REASONS = {"not_finite": "number.not_finite", "range": "number.range"}
_BAD = {"negative": "starts before 0", "order": "does not end after its start"}


def _longer(text: str, limit: int) -> bool:
    """Whether a text has more bytes than it may have."""
    return 4 * len(text) > limit and len(text.encode("utf-8", "replace")) > limit


class Entry(NamedTuple):
    """A subtitle to be written: its position among the item's annotations, itself, its times."""

    position: int
    annotation: Annotation
    span: Span


class SubtitleWriter(ItemWriter):
    """Chooses names and times; subclasses give the text of a file.

    Subclasses have `name`, `suffix`, `codes` (of which those of their own start with the name)
    and `text`.

    Parameters
    ----------
    context : WriteContext
        Output, problems, limits and options.
    """

    name = ""
    suffix = ""
    # What of an item's metadata is not kept is counted here.
    item_fields = frozenset({"metadata"})

    def __init__(self, context: WriteContext) -> None:
        super().__init__(context)
        self._claims = Claims()
        self._single: bytes | None = None

    @abstractmethod
    def text(self, item: Item, entries: list[Entry], losses: ItemLosses) -> str:
        """Return the text of an item's file.

        Parameters
        ----------
        item : Item
            The item.
        entries : list of Entry
            Its subtitles by start; equal starts in the source's order.
        losses : ItemLosses
            Where to say what the file cannot hold.
        """

    def write_item(
        self, item: Item, annotations: AnnotationCollection, losses: ItemLosses, where: str
    ) -> None:
        """Write the file of an item."""
        entries = []
        for position, annotation in enumerate(annotations):
            if not isinstance(annotation.annotation_definition, Subtitle):
                losses.drop(position, "shape.not_subtitle")
                continue
            span = span_of(annotation, item)
            if isinstance(span, str):
                losses.drop(position, _REASONS.get(span, f"{self.name}.{span}"))
                continue
            if span.code:
                self._changed(position, annotation, span, losses, where)
            entries.append(Entry(position, annotation, span))
        entries.sort(key=lambda entry: entry.span.start)
        data = self.text(item, entries, losses).encode()
        output = self.context.output
        check_size(data, self.context.limits, output.name if output.single else str(item.name))
        if not output.single:
            output.write(self._file_name(item), data)
        elif self._single is None:
            # Kept until it is known that no second item follows: the old file stays until then.
            self._single = data
        else:
            raise UsageError(
                f"{output.name}: is one file, but the source has more than one item; each item "
                f"has a file of its own. Name a folder as target, with --to {self.name}"
            )

    def too_long(self, payload: str, label: str | None) -> bool:
        """Whether reading would refuse a cue text or its label."""
        limits = self.context.limits
        return _longer(payload, limits.cue_text) or _longer(label or "", limits.text)

    def _changed(
        self,
        position: int,
        annotation: Annotation,
        span: Span,
        losses: ItemLosses,
        where: str,
    ) -> None:
        """Tell that a subtitle gets other times; an error where the run is strict."""
        if self.context.problems.strict and span.code in _BAD:
            raise FormatError(
                f"subtitle {_BAD[span.code]} ({annotation.start_time} s to {annotation.end_time} "
                "s); it cannot be shown. Correct its times, or pass on_error='skip' to have "
                "them put right",
                code=f"{self.name}.{span.code}",
                path=where or None,
                location=f"subtitle {position}",
                annotation_id=annotation.id,
            )
        losses.approximate(position, f"{self.name}.{span.code}")

    def _file_name(self, item: Item) -> str:
        """Return the name of an item's file in the target folder."""
        name = item.name
        if name is None:
            name = f"{item.number if item.id is None else item.id}"
        clean, _ = safe_name(name, limits=self.context.limits)
        wanted = output_name(stem_of(clean) + self.suffix)
        if wanted != stem_of(clean) + self.suffix:
            self.context.problems.notice(
                "path.reserved",
                f"{name!r} is no name for every file system; its file is named {wanted!r}",
            )
        given, collided = self._claims.claim(wanted)
        if collided:
            self.context.problems.warning(
                "path.collision",
                f"{name!r} would share {wanted!r} with another item; its file is named {given!r}",
            )
        return given

    def finish(self) -> None:
        """Write the single file."""
        output = self.context.output
        if output.single:
            output.write(output.name, self.empty() if self._single is None else self._single)

    @abstractmethod
    def empty(self) -> bytes:
        """Return the file of a source without items."""
