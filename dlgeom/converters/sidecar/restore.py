"""Reading a target with its sidecar: unpacked, compared, and read as what it was."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlgeom.chunk import Chunk
from dlgeom.converters import registry
from dlgeom.converters.base import ALL, Format, ReadContext, Reader
from dlgeom.converters.problems import Problems
from dlgeom.converters.sidecar.container import Entry, Header, SidecarError, Unpacker
from dlgeom.converters.sidecar.plan import Plan, compare
from dlgeom.converters.sidecar.restored import RestoredReader
from dlgeom.errors import DlgeomError
from dlgeom.limits import Limits

if TYPE_CHECKING:
    from dlgeom.converters.sidecar.holes import Holes

__all__ = ["Sidecar"]


class Sidecar:
    """A sidecar that was found beside a source.

    Parameters
    ----------
    path : Path
        The file.
    target : Format
        Format of the source, which was a target once.
    problems : Problems
        Told where the sidecar cannot be used; it is ignored then.
    limits : Limits
        Bounds what is unpacked.
    """

    def __init__(self, path: Path, target: Format, problems: Problems, limits: Limits) -> None:
        self._path, self._problems, self._limits = path, problems, limits
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.header: Header | None = None
        self._entries: list[Entry] = []
        try:
            self._unpack(target)
        except SidecarError as error:
            self._ignore(error)
        except BaseException:
            self.close()
            raise

    def _unpack(self, target: Format) -> None:
        unpacker = Unpacker(self._path, self._limits)
        try:
            header = unpacker.header
            if header.target != target.name:
                raise SidecarError(
                    "sidecar.mismatch",
                    f"belongs to {header.target[:40]!r} and not to {target.name!r}",
                )
            if header.carrier not in registry.formats():
                raise SidecarError(
                    "sidecar.mismatch", f"holds a format that is not known: {header.carrier[:40]!r}"
                )
            try:
                registry.check_options(target, None, header.options)
            except DlgeomError as error:
                raise SidecarError("sidecar.invalid", f"has an option: {error}") from error
            self._folder = tempfile.TemporaryDirectory(prefix="dlgeom-")
            self._entries = unpacker.unpack(Path(self._folder.name))
            self.header = header
        finally:
            unpacker.close()

    def _ignore(self, error: SidecarError) -> None:
        self._problems.notice(
            error.code,
            f"{error}; the sidecar is ignored. Remove it, or use --no-sidecar",
            path=self._path.name,
        )
        self.close()

    def options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options to read the target with: those given, else those of the sidecar."""
        known = {} if self.header is None else self.header.options
        return {**known, **{key: value for key, value in given.items() if value is not None}}

    @property
    def alone(self) -> bool:
        """Whether it stands for a target that cannot be read."""
        return self.header is not None and self.header.unreadable

    def over(self, reader: Reader | None) -> Reader | None:
        """Return what the target was before; the reader itself where the sidecar is no help.

        Parameters
        ----------
        reader : Reader
            Of the target; None if it is not read, as it was not readable (`alone`).
        """
        if self.header is None or self._folder is None:
            return reader
        header = self.header
        carrier = registry.formats()[header.carrier]
        try:
            carried = self._open(carrier, header)
            try:
                return self._restored(reader, carried, header)
            except BaseException:
                _close(carried)
                raise
        except SidecarError as error:
            self._ignore(error)
        except BaseException:
            self.close()
            raise
        return reader

    def _open(self, carrier: Format, header: Header) -> Reader:
        assert self._folder is not None
        root = Path(self._folder.name)
        place = root / header.root if header.root in ("", "annotations.json") else None
        if place is None or not place.exists():
            raise SidecarError("sidecar.invalid", "does not hold the file that it names")
        quiet = Problems(strict=False, listener=lambda _: None)
        options, _ = registry.check_options(carrier, None, {})
        try:
            return carrier.open(
                place, ReadContext(problems=quiet, limits=self._limits, options=options)
            )
        except (DlgeomError, OSError, ValueError) as error:
            raise _unreadable(error) from error

    def _restored(self, reader: Reader | None, carried: Reader, header: Header) -> Reader:
        def records() -> Iterator[Chunk]:
            try:
                yield from carried.chunks(grouped=True, needs=ALL)
            except (DlgeomError, OSError, ValueError) as error:
                raise _unreadable(error) from error

        try:
            count = sum(
                len(chunk.items) for chunk in carried.chunks(grouped=True, needs=frozenset())
            )
        except (DlgeomError, OSError, ValueError) as error:
            raise _unreadable(error) from error
        holes = self._holes(carried)
        if header.unreadable and reader is not None:
            raise SidecarError("sidecar.mismatch", "was written when the target held nothing")
        plan = Plan()
        if reader is not None:
            plan = compare(header, self._entries, reader, records, count)
        if holes is not None and reader is not None:
            carried = self._filled(holes, reader, plan, carried, header)
        self._entries = []
        if plan.videos:
            self._problems.notice(
                "sidecar.video",
                f"frames of {plan.videos} videos were changed; these videos stay the images that "
                "they have become",
                path=self._path.name,
            )
        restored = RestoredReader(
            carried,
            plan,
            names=header.names,
            subset=header.subset,
            images_root=None if reader is None else reader.meta.images_root,
            foreign=header.carrier != header.target,
            splits=None if reader is None else reader.meta.subsets,
        )
        folder, self._folder = self._folder, None
        assert folder is not None
        restored.keep(reader, folder.cleanup)
        return restored

    def _holes(self, carried: Reader) -> Holes | None:
        if not any(entry.held for entry in self._entries):
            return None
        from dlgeom.converters.coco.reader import CocoReader
        from dlgeom.converters.sidecar.holes import Holes

        if not isinstance(carried, CocoReader) or self.alone:
            raise SidecarError("sidecar.invalid", "leaves out what its target does not hold")
        return Holes(carried, self._entries)

    def _filled(
        self, holes: Holes, reader: Reader, plan: Plan, carried: Reader, header: Header
    ) -> Reader:
        """Fill the holes of the carried files and return a reader of them."""
        _close(carried)
        try:
            holes.fill(reader, plan)
        except OSError as error:
            raise _unreadable(error) from error
        return self._open(registry.formats()[header.carrier], header)

    def close(self) -> None:
        """Remove what was unpacked."""
        folder, self._folder = self._folder, None
        self.header = None
        self._entries = []
        if folder is not None:
            folder.cleanup()


def _unreadable(error: Exception) -> SidecarError:
    return SidecarError("sidecar.invalid", f"holds what cannot be read ({error})")


def _close(reader: Any) -> None:
    close = getattr(reader, "close", None)
    if callable(close):
        close()
