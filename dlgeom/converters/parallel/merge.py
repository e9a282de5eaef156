"""The process that was asked: hands out parts and takes what they have done, in order."""

from __future__ import annotations

import contextlib
import copy
import itertools
import os
import shutil
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from dlgeom.converters import registry
from dlgeom.converters.base import Format, ReadContext, WriteContext
from dlgeom.converters.held import Held
from dlgeom.converters.output import Output
from dlgeom.converters.parallel.emit import Shared, announce, emit
from dlgeom.converters.parallel.engine import Engine, Job
from dlgeom.converters.parallel.tasks import Outcome, Setup, form, found_labels
from dlgeom.converters.parallel.units import Cut, Part, enough
from dlgeom.converters.stream import Progress, Stream
from dlgeom.errors import OutputError
from dlgeom.labels import Label

__all__ = ["write_parts"]


def write_parts(
    engine: Engine,
    stream: Stream,
    context: WriteContext,
    entry: Format,
    progress: Progress | None,
) -> bool:
    """Write a source in parts.

    Returns
    -------
    bool
        False, and nothing was done, where the source or the target cannot be cut, or the source
        is too small to be worth it.
    """
    reader: Any = stream.reader
    writer: Any = stream.writer
    if not hasattr(reader, "cut") or not getattr(writer, "divisible", False):
        return False
    if stream.learn is not None and getattr(reader, "learns", True):
        return False
    output = context.output
    if (
        output.single != bool(getattr(writer, "single", False))
        or registry.find_format(entry.name) is not entry
    ):
        return False
    if output.share()["mode"] == "compares":
        return False  # the target is complete, and only looked at
    cut = reader.cut(grouped=writer.grouped, needs=stream.needs)
    if cut is None or not enough(cut.seconds):
        return False
    with _spool(output, engine) as (folder, shared):
        _Run(engine, stream, context, entry, cut, folder, shared).all(progress)
    return True


@contextlib.contextmanager
def _spool(output: Output, engine: Engine) -> Iterator[tuple[str, Shared]]:
    """Make a folder for what is on its way; nothing is left of it, nor of workers that died."""
    shared = _share(output)
    folder = ""
    if not output.dry_run:
        root = os.path.abspath(output.root)
        folder = os.path.join(root, f".{shared['token']}.spool.part")
        try:
            os.mkdir(folder, 0o700)
        except OSError as error:
            raise OutputError(
                error.strerror or str(error), code="io.permission", path=folder
            ) from error
    failed = True
    try:
        yield folder, shared
        failed = False
    finally:
        with Held():
            if folder:
                # Workers that find it gone stop.
                shutil.rmtree(folder, ignore_errors=True)
            if failed:
                engine.close(failed=True)
            if folder and (failed or engine.deaths):
                shutil.rmtree(folder, ignore_errors=True)
                output.sweep()


def _share(output: Output) -> Shared:
    """Return what other processes have to know of the target; they may be in other folders."""
    state = output.share()
    return {**state, "target": os.path.abspath(state["target"])}


def _absolute(path: Path | None) -> Path | None:
    """Return a path that means the same to a process in another folder."""
    return None if path is None else Path(os.path.abspath(path))


class _Run:
    """One run in parts."""

    def __init__(
        self,
        engine: Engine,
        stream: Stream,
        context: WriteContext,
        entry: Format,
        cut: Cut,
        folder: str,
        shared: Shared,
    ) -> None:
        self._engine = engine
        self._stream = stream
        self._context = context
        self._cut = cut
        self._shared = shared
        self._writing: deque[tuple[Job, str]] = deque()
        self._number = 0
        problems = context.problems
        self._asks = problems.guard is not None or problems.naming is not None
        self._most = 2 * engine.workers + 1
        fields = {name: getattr(cut.context, name) for name in ReadContext.__struct_fields__}
        own = ("output", "meta", "problems", "part")
        # As it is now: this process goes on to learn classes.
        self._setup = copy.deepcopy(
            Setup(
                target=entry.name,
                meta=msgspec.structs.replace(cut.meta, images_root=_absolute(cut.meta.images_root)),
                reading={
                    name: _absolute(value) if isinstance(value, Path) else value
                    for name, value in fields.items()
                    if name not in ("problems", "engine", "alive")
                },
                writing={
                    name: getattr(context, name)
                    for name in WriteContext.__struct_fields__
                    if name not in own
                },
                strict=context.problems.strict,
                all_entries=stream.report.streams,
                asks=self._asks,
                learns=cut.learns,
                shared=shared,
                folder=folder,
                process=os.getpid(),
                base=cut.base,
            )
        )

    def all(self, progress: Progress | None) -> None:
        """Do all parts."""
        with self._cut.around():
            self._all(progress)

    def _all(self, progress: Progress | None) -> None:
        total = self._stream.reader.count() if progress else None
        makers = iter(self._cut.makers)
        waiting: deque[tuple[Part, Job]] = deque()
        if getattr(self._stream.writer, "first_here", False) or self._cut.learns:
            # It settles what all others start from: files that are open, classes that are known.
            for first in itertools.islice(makers, 1):
                self._again(first())
        while True:
            while len(waiting) < self._most and (maker := next(makers, None)) is not None:
                part: Part = maker()
                waiting.append((part, self._submit(part)))
            if not waiting:
                break
            part, job = waiting.popleft()
            self._take(part, self._engine.result(job))
            if progress:
                progress(self._stream.report.images, total)
        while self._writing:
            self._settle()

    def _submit(self, part: Part) -> Job:
        self._number += 1
        return self._engine.submit(form, self._setup, part, self._number, work=part.work)

    def _take(self, part: Part, outcome: Outcome) -> None:
        """Take what a part has done, if it is what one process would have done now."""
        stream, gathered = self._stream, outcome.gathered
        writer: Any = stream.writer
        known = self._known(part, outcome)
        if known is None or not writer.absorb(outcome.state, gathered):
            self._again(part)
            return
        labels = found_labels(stream.reader)
        for label in known:
            labels.add(label)
        if outcome.chosen is not None:
            chosen: Any = stream.reader
            chosen.take(outcome.chosen)
        if outcome.once is not None:
            whole: Any = stream.reader
            whole.once = whole.once or outcome.once
        problems = self._context.problems
        stream.report.merge(outcome.report, outcome.entries, outcome.asked, problems._tell)
        stream.items.merge(outcome.items)
        stream.sized.merge(*outcome.sizes)
        counts = problems.counts
        for status, count in () if self._asks else outcome.counts.items():
            counts[status] = counts.get(status, 0) + count
        if getattr(writer, "places", False):
            with contextlib.suppress(OSError):
                os.unlink(gathered.spool)
            return
        announce(self._context.output, gathered)
        if gathered.names and not self._shared["dry_run"]:
            job = self._engine.submit(
                emit,
                self._shared,
                msgspec.structs.replace(gathered, pieces={}),
                work=self._shared["target"],
            )
            self._writing.append((job, gathered.spool))
            if len(self._writing) > self._most:
                self._settle()

    def _known(self, part: Part, outcome: Outcome) -> list[Label] | None:
        """Return the classes that a part has found first.

        None where it numbers them otherwise, or tells what another one has told meanwhile.
        """
        before = getattr(part, "once", None)
        if outcome.once != before and getattr(self._stream.reader, "once", None) != before:
            return None
        labels = list(found_labels(self._stream.reader))
        found = outcome.labels
        if any(one != other for one, other in zip(labels, found, strict=False)):
            return None
        known = found[len(labels) :]
        if outcome.chosen is not None:
            chosen: Any = self._stream.reader
            if not chosen.agrees(outcome.chosen, known):
                return None
        return known

    def _settle(self) -> None:
        """Wait for the files of a part."""
        job, spool = self._writing.popleft()
        self._engine.result(job)
        if spool:
            with contextlib.suppress(OSError):
                os.unlink(spool)
        self._context.output.checkpoint()

    def _again(self, part: Part) -> None:
        """Do a part here: one of its names is that of an image before."""
        stream = self._stream
        context = msgspec.structs.replace(self._cut.context, problems=self._context.problems)
        before = stream.report.images + getattr(stream.reader, "filtered_items", 0)
        reader: Any = part.open(stream.reader.meta, context, self._cut.here, before)
        try:
            whole: Any = stream.reader
            told = getattr(whole, "once", None)
            if told is not None:
                reader.once = told
            for chunk in reader.chunks(grouped=stream.writer.grouped, needs=stream.needs):
                stream.take(chunk)
            if told is not None:
                whole.once = reader.once
            if getattr(reader, "chosen", None) is not None:
                whole.take(reader.chosen)
        finally:
            close = getattr(reader, "close", None)
            if close is not None:
                close()
