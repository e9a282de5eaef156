"""Where a source lies: on disk as it is, or laid out from an archive or an address.

Whatever is neither a file of a format nor a folder becomes a private folder here, so that readers
know paths only. It is laid out once for all that look at it at a time, and removed at the end.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

from dlgeom.converters import lazy
from dlgeom.converters.archives.kinds import archive_ending, inner_path
from dlgeom.converters.problems import Problems
from dlgeom.errors import DlgeomError, OutputError, UsageError
from dlgeom.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from dlgeom.converters.archives.layout import Noted
    from dlgeom.converters.archives.room import Room
    from dlgeom.converters.archives.sources import ByteSource

__all__ = [
    "Place",
    "archive_place",
    "held",
    "holding",
    "local_path",
    "needs_place",
    "place_of",
    "refuse_address",
    "shown_source",
    "url_of",
]

PathLike = str | os.PathLike[str]
P = ParamSpec("P")
R = TypeVar("R")

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:(?P<slashes>//?)(?P<rest>.*)", re.DOTALL)
_ONE_SLASH = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):/(?!/)")
_DRIVE = re.compile(r"[A-Za-z]:[/\\]")


def url_of(source: PathLike) -> str | None:
    """Return the address that a source is, None for a path.

    `Path` makes one slash of two; such a path that is not there is an address again. ``file:``
    addresses of this machine are paths.

    Examples
    --------
    >>> url_of("s3://bucket/a.json"), url_of("a/b.json"), url_of(Path("s3://bucket/a.json"))
    ('s3://bucket/a.json', None, 's3://bucket/a.json')
    """
    text = os.fspath(source)
    if ":/" not in text and "::" not in text:
        return None
    found = _URL.match(text)
    if found is None or _DRIVE.match(text):
        # simplecache::s3://... starts with the name of a layer.
        if not re.match(r"[a-z0-9]{2,}::[a-z0-9+.-]{2,}:/", text):
            return None
    elif found["slashes"] == "//":
        return text
    elif isinstance(source, str) or os.path.lexists(text):
        return None
    return _ONE_SLASH.sub(lambda m: f"{m['scheme']}://" + "/" * (m["scheme"] == "file"), text)


def local_path(url: str) -> Path | None:
    """Return the path that a ``file:`` address of this machine names, None for others."""
    if not url.lower().startswith(("file://", "local://")) or "::" in url:
        return None
    return Path(url.partition("://")[2])


def refuse_address(path: PathLike) -> None:
    """Refuse an address where only a path will do.

    Raises
    ------
    UsageError
        For an address.
    """
    url = url_of(path)
    if url is not None:
        raise UsageError(
            f"{shown_source(url)}: this is written to disk only. Name a path, and copy it there"
        )


def needs_place(source: PathLike) -> bool:
    """Whether a source is an archive, a path into one, or an address."""
    if url_of(source) is not None:
        return True
    path = Path(source)
    if archive_ending(path.name):
        return not path.is_dir()
    return not path.exists() and inner_path(path) is not None


def shown_source(source: PathLike) -> str:
    """Return how messages name a source: an address without what may be secret."""
    url = url_of(source)
    if url is None:
        return os.fspath(source)
    from dlgeom.converters.remote.addresses import shown_url

    return shown_url(url)


class Place:
    """A source that is laid out in a private folder.

    Parameters
    ----------
    room : Room
        The folder.
    shown : str
        The source in messages.
    noted : Noted
        What was odd.
    inside : str
        Path in the source that is meant; "" for all of it.
    held : list
        What has to be closed with it.
    """

    def __init__(
        self, room: Room, shown: str, noted: Noted, inside: str = "", held: list[Any] | None = None
    ) -> None:
        self.room = room
        self.shown = shown
        self.inside = inside
        self._noted = noted
        self._held = held or []
        self._users = 0
        self.key: object = None

    @property
    def path(self) -> Path:
        """What readers read, before a format was asked."""
        return (
            Path(self.room.root, *self.inside.split("/")) if self.inside else Path(self.room.root)
        )

    def tell(self, problems: Problems) -> None:
        """Tell what was odd about the archive."""
        for status, code, message, path in self._noted.entries:
            getattr(problems, status)(code, message, path=path)

    def _candidates(self) -> list[Path]:
        """Return what may be the data set: all, and what all of it lies in."""
        found = [self.path]
        while found[-1].is_dir():
            with os.scandir(found[-1]) as entries:
                seen = [entry.path for entry in entries if not entry.name.startswith(".")]
            if len(seen) != 1:
                break
            found.append(Path(seen[0]))
        return found

    def inner(self, *, file: bool) -> Path:
        """Return the folder that everything lies in, or the one file that there is."""
        paths = self._candidates()
        return paths[-1] if file or len(paths) == 1 or paths[-1].is_dir() else paths[-2]

    def choose(self, score: Callable[[Path], int]) -> Path:
        """Return the data set in it: all, or the folder in which all of it was packed.

        Parameters
        ----------
        score : callable
            Says how sure it is that a path is a data set, 0 if not at all.
        """
        paths = self._candidates()
        if len(paths) == 1:
            return paths[0]
        # Of equals the outer one, but a folder of the archive's name was packed as a whole.
        stem = os.path.basename(self.room.root)
        folders = [path for path in paths if path.is_dir()]
        ranks = [
            (score(path), path.name == stem and place > 0, -place)
            for place, path in enumerate(folders)
        ]
        if folders and max(ranks)[0]:
            return folders[ranks.index(max(ranks))]
        return next((path for path in paths if score(path)), paths[0])

    def name(self, path: str) -> str:
        """Return how messages name a path that a reader shows relative to the source."""
        root = Path(self.room.root)
        if os.path.isabs(path) or path.startswith(self.shown):
            return path
        for base in (self.path, self.path.parent, root.parent):
            found = base / path
            if lazy.is_private(found) and found.exists():
                return self.room.told(str(found))
        return f"{self.shown}/{path}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def hold(self) -> Self:
        """Count one more user."""
        self._users += 1
        return self

    def release(self) -> None:
        """Count one user less; the last one removes the folder."""
        with _lock:
            self._users -= 1
            if self._users > 0:
                return
            _places.pop(self.key, None)
        self.room.close()
        for thing in self._held:
            with contextlib.suppress(Exception):
                thing.close()


_places: dict[object, Place] = {}
_lock = threading.RLock()


def place_of(source: PathLike, limits: Limits = DEFAULT_LIMITS) -> Place | None:
    """Lay a source out; None for a path that can be read as it is.

    Parameters
    ----------
    source : path or str
        What the user named.
    limits : Limits
        What protects the run.

    Returns
    -------
    Place
        To be released. A source that is laid out already is shared.

    Raises
    ------
    FormatError, LimitError
        For an archive that cannot be trusted.
    OutputError
        For a source that cannot be read.
    UsageError
        For an address that nobody can open.
    """
    if not needs_place(source):
        return None
    key = (url_of(source) or os.fspath(source), limits)
    with _lock:
        known = _places.get(key)
        if known is not None:
            return known.hold()
    made = _made(source, limits)
    if made is None:
        return None
    with _lock:
        made.key = key
        _places[key] = made
    return made.hold()


@contextlib.contextmanager
def held(*sources: PathLike | None, limits: Limits = DEFAULT_LIMITS) -> Iterator[list[Place]]:
    """Lay sources out for a block, so that all that looks at them in it shares that.

    Errors that leave the block name the sources as the user did.

    Parameters
    ----------
    *sources : path or str, optional
        Those that are on disk as they are cost nothing.
    limits : Limits
        What protects the run.

    Returns
    -------
    list of Place
        Those that were laid out.
    """
    with contextlib.ExitStack() as stack:
        places: list[Place] = []
        for source in sources:
            place = None if source is None else place_of(source, limits)
            if place is not None:
                places.append(stack.enter_context(place))
        try:
            yield places
        except DlgeomError as error:
            for place in places:
                lazy.told_error(error, place.name if len(places) == 1 else None)
            raise


def holding(*names: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator for functions that look at a source more than once; see `held`.

    Parameters
    ----------
    *names : str
        The parameters that are sources, or lists of them.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        order = function.__code__.co_varnames
        places = [(name, order.index(name)) for name in names]

        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            sources: list[Any] = []
            for name, place in places:
                given: Any = args[place] if place < len(args) else kwargs.get(name)
                sources += given if isinstance(given, list | tuple) else [given]
            due = [s for s in sources if isinstance(s, str | os.PathLike) and needs_place(s)]
            limits: Any = kwargs.get("limits", DEFAULT_LIMITS)
            with held(*due, limits=limits):
                return function(*args, **kwargs)

        return run

    return decorate


def _made(source: PathLike, limits: Limits) -> Place | None:
    url = url_of(source)
    if url is not None and local_path(url) is None:
        from dlgeom.converters.remote.reading import remote_place

        return remote_place(url, limits)
    path = Path(source) if url is None else local_path(url) or Path(source)
    inside = ""
    if not path.exists():
        found = inner_path(path)
        if found is None:
            return None
        path, inside = found
    ending = archive_ending(path.name)
    if not ending or path.is_dir():
        return None
    from dlgeom.converters.archives.sources import LocalBytes

    return archive_place(LocalBytes(path, str(path)), path.name, inside, limits)


def archive_place(
    source: ByteSource, name: str, inside: str, limits: Limits, *, ending: str = ""
) -> Place:
    """Lay an archive out.

    Parameters
    ----------
    source : ByteSource
        The archive; it is closed with the place.
    name : str
        Its name.
    inside : str
        Path in it that is meant, "" for all.
    limits : Limits
        What protects the run.
    ending : str
        What kind of archive it is, where its name does not tell.

    Raises
    ------
    FormatError, LimitError, OutputError
        As `place_of`.
    """
    from dlgeom.converters.archives.layout import Noted, lay_out
    from dlgeom.converters.archives.room import Room

    ending = ending or archive_ending(name)
    noted = Noted(source.shown)
    room: Room | None = None
    try:
        room = Room(name[: -len(archive_ending(name)) or None], source.shown)
        lay_out(source, ending, room, limits, noted)
        if inside and not os.path.exists(os.path.join(room.root, inside)):
            raise OutputError(
                "no such file or folder in the archive",
                code="io.read",
                path=f"{source.shown}/{inside}",
            )
    except BaseException:
        if room is not None:
            room.close()
        source.close()
        raise
    return Place(room, source.shown, noted, inside, [source])
