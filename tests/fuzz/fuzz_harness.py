"""What the fuzzers share: inputs to start from, and one conversion of changed files.

A conversion runs in the same process on small files in a folder that should be in memory; what may
come of it is a report or a `DlgeomError`. Anything else is a fault: another exception, an output
that an independent parser refuses (P7), counts that do not add up (P6), what the audit hook
forbids (P2, P3).
"""

from __future__ import annotations

import base64
import re
import shutil
import sys
import traceback
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent), str(TESTS / "data" / "hostile")]

from fuzz.mutators import mutate  # noqa: E402
from trust.corpora import FORMATS, TARGETS  # noqa: E402
from trust.zygote import Watch  # noqa: E402

FORMATS_OF_FILES = tuple(TARGETS)
NAMES = (*FORMATS_OF_FILES, "labels", "masks", "sidecar", "zip", "rle")
"""Every format and part that has a fuzzer."""

SIDECAR = "dlgeom.sidecar.zst"
# Targets that a format is converted to besides its usual one.
OTHERS = {
    "coco": ("yolo", "voc", "dataloop", "cvat", "coco", "csv"),
    "dataloop": ("coco", "yolo", "voc", "cvat", "dataloop", "vtt", "ytvis"),
    "voc": ("coco", "yolo", "dataloop", "voc"),
    "yolo": ("coco", "voc", "dataloop", "yolo"),
    "cvat": ("dataloop", "coco", "cvat", "mot", "ytvis", "yolo-video"),
    "ytvis": ("cvat", "dataloop", "ytvis"),
    "mot": ("cvat", "dataloop", "mot"),
    "yolo-video": ("cvat", "dataloop"),
    "vtt": ("srt", "dataloop", "vtt"),
    "srt": ("vtt", "dataloop", "srt"),
}


@dataclass
class Input:
    """A data set to convert.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    case : str
        Id of the case of the corpus that it came from.
    form, to : str
        Formats.
    files : dict of str to bytes
        Its files.
    source : str
        Which of them, or which folder, is converted.
    options : dict of str to str
        Keyword -> value; ``IN/`` stands for the folder of the files.
    """

    name: str
    case: str
    form: str
    to: str
    files: dict[str, bytes]
    source: str = "."
    options: dict[str, str] = field(default_factory=dict)

    def packed(self) -> dict[str, Any]:
        """Return it as JSON: files as text where they are short and text."""
        files = {}
        for name, data in sorted(self.files.items()):
            try:
                files[name] = {"text": data.decode("utf-8")}
            except UnicodeDecodeError:
                files[name] = {}
            if len(data) > 400 or not files[name]:
                files[name] = {"zlib": base64.b64encode(zlib.compress(data, 9)).decode()}
        made: dict[str, Any] = {"name": self.name, "case": self.case, "form": self.form}
        made |= {"to": self.to, "source": self.source, "options": self.options, "files": files}
        return made

    @classmethod
    def unpacked(cls, made: dict[str, Any]) -> Input:
        """Return the input of `packed`."""
        files = {
            name: held["text"].encode()
            if "text" in held
            else zlib.decompress(base64.b64decode(held["zlib"]))
            for name, held in made["files"].items()
        }
        keys = ("name", "case", "form", "to", "source", "options")
        return cls(files=files, **{key: made[key] for key in keys})


def inputs_of(name: str) -> list[Input]:
    """Return the inputs to start from: cases of the corpus that are small plain files."""
    import make

    found = _with_sidecars() if name == "sidecar" else []
    for case in make.bits.CASES:
        form = case.reads or FORMATS.get(case.format, case.format)
        part = case.format if case.format in ("zip", "labels", "sidecar") else form
        part = "masks" if case.format in ("masks", "segpng") else part
        size = sum(map(len, case.files.values()))
        if part != name or case.setup or size > 20_000:
            continue
        options = {}
        if "--label-map" in case.options:
            options["label_map"] = "IN/" + case.options[1].removeprefix("INPUT/")
        if form == "yolo-video":
            options["yolo_video_size"] = "40x30"
        to = case.to or TARGETS[form]
        found.append(Input(name, case.id, form, to, dict(case.files), case.source, options))
    return found


def _with_sidecars() -> list[Input]:
    """Return targets with their sidecars, made now: what zstd packs differs between versions."""
    import tempfile

    import bits

    import dlgeom as dl

    sets = {"coco": bits.coco_files(bits.coco([bits.record(1, x={"a": 1}), bits.record(2)]))}
    sets["dataloop"] = bits.item_files(bits.item(bits.shape(), bits.shape(id="a2", label="pear")))
    found = []
    for (form, files), to in (
        (entry, to) for entry in sets.items() for to in ("yolo", "voc", "coco")
    ):
        if form == to:
            continue
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            _write(place / "in", files)
            dl.convert(
                place / "in",
                place / "out",
                from_format=form,
                to_format=to,
                sidecar=True,
                on_error="skip",
            )
            held = {
                str(path.relative_to(place / "out")): path.read_bytes()
                for path in (place / "out").rglob("*")
                if path.is_file()
            }
        assert SIDECAR in held
        found.append(Input("sidecar", f"{form}-{to}", to, form, held))
    return found


def _write(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def changed(given: Input, others: list[Input], random: Random) -> Input:
    """Return an input with one of its files mutated, and now and then another target."""
    keys = sorted(given.files)
    # Annotations more often than pictures.
    texts = [key for key in keys if not key.endswith(".png")] or keys
    if given.name == "masks":
        texts = keys
    if given.name == "sidecar" and random.random() < 0.8:
        texts = [key for key in keys if key.endswith(SIDECAR[6:])]
    if given.name == "labels":
        texts = [key for key in keys if key.startswith("map.")]
    key = random.choice(texts if random.random() < 0.9 else keys)
    other = random.choice(sorted(random.choice(others).files.items()))[1]
    old = given.files[key]
    data = _sidecar(old, random) if key.endswith(SIDECAR[6:]) else mutate(key, old, other, random)
    to = given.to
    if given.form in OTHERS and given.name != "sidecar" and random.random() < 0.3:
        to = random.choice(OTHERS[given.form])
    return Input(
        given.name,
        given.case,
        given.form,
        "coco" if to == "csv" else to,
        {**given.files, key: data},
        given.source,
        given.options,
    )


def _sidecar(data: bytes, random: Random) -> bytes:
    """Change what is packed, or the packed bytes."""
    import zstandard
    from fuzz import mutators

    try:
        text = zstandard.ZstdDecompressor().decompress(data, max_output_size=1 << 22)
    except (zstandard.ZstdError, MemoryError):
        text = b""
    if not text or random.random() < 0.1:
        return mutators.mutate_bytes(data, b"", random)
    rows = text.split(b"\n")
    at = random.randrange(len(rows))
    rows[at] = mutate("x.json", rows[at], random.choice(rows), random)
    # What a line says of the size of a file is put right mostly.
    for before in range(len(rows) - 1):
        if rows[before].startswith(b'{"file":') and at == before + 1:
            size = str(len(rows[at])).encode()
            rows[before] = re.sub(rb'"bytes":\d+', b'"bytes":' + size, rows[before])
    return zstandard.ZstdCompressor(level=1).compress(b"\n".join(rows))


class Harness:
    """Converts inputs in one folder.

    Parameters
    ----------
    place : Path
        An empty folder, best in memory.
    watch : Watch
        The audit hook of the process; it looks only while a conversion runs.
    """

    def __init__(self, place: Path, watch: Watch) -> None:
        self.place, self.watch = place, watch
        self._held: dict[str, dict[str, bytes]] = {}
        self.told: tuple[str, ...] = ()
        """What the last one told: codes with their status."""
        self.way: tuple[Any, ...] = ()
        """What the last one did, to tell inputs that do something new."""

    def _input(self, given: Input) -> Path:
        """Bring the files to the disk; only those that another input of the case had otherwise."""
        folder = self.place / "in" / (given.case + "-" + given.to)
        held = self._held.setdefault(folder.name, {})
        if held.keys() != given.files.keys():
            shutil.rmtree(folder, ignore_errors=True)
            held.clear()
        _write(folder, {k: data for k, data in given.files.items() if held.get(k) is not data})
        held.update(given.files)
        return folder

    def convert(self, given: Input) -> str | None:
        """Convert an input; return what is wrong."""
        from trust.strict import check_output

        import dlgeom as dl

        folder = self._input(given)
        target = self.place / ("out.xml" if given.to == "cvat" else "out")
        options: dict[str, Any] = {
            key: value.replace("IN/", f"{folder}/") for key, value in given.options.items()
        }
        if given.to == "yolo":
            options["task"] = "segment"
        watch = self.watch
        watch.found.clear()
        watch.busy = False
        try:
            report = dl.convert(
                folder / given.source,
                target,
                from_format=given.form,
                to_format=given.to,
                on_error="skip",
                **options,
            )
            report.check()
        except dl.DlgeomError as error:
            watch.busy = True
            self.told = (f"error:{getattr(error, 'code', None)}",)
            self.way = (type(error).__name__, *self.told, _deepest(error))
            if isinstance(error, dl.errors.InternalError):
                return traceback.format_exc()[-1500:]
            if target.exists():
                return f"left after {error}"
            if given.name == "sidecar" and _only_sidecar(given):
                return f"a sidecar made an error: {error}"
        except Exception:
            watch.busy = True
            self._remove(target)
            return traceback.format_exc()[-1500:]
        else:
            watch.busy = True
            codes = sorted(report.codes)
            self.told = tuple(":".join(code) for code in codes)
            kinds = tuple(re.sub(r"[^a-z ]+", "", report.codes[code].message) for code in codes)
            self.way = (given.to, *self.told, *kinds, report.written > 0)
            try:
                check_output(target)
            except Exception:
                return "output: " + traceback.format_exc()[-1500:]
            finally:
                self._remove(target)
        finally:
            watch.busy = True
        return f"hook: {watch.found[:5]}" if watch.found else None

    @staticmethod
    def _remove(target: Path) -> None:
        if target.is_dir():
            shutil.rmtree(target, ignore_errors=True)
        else:
            target.unlink(missing_ok=True)


_whole: dict[str, Input] = {}


def _only_sidecar(given: Input) -> bool:
    """Tell whether nothing but the sidecar was changed."""
    if not _whole:
        _whole.update((entry.case, entry) for entry in inputs_of("sidecar"))
    good = _whole[given.case].files
    names = [key for key in good if not key.endswith(".zst")]
    return all(given.files.get(key) == good[key] for key in names)


def _deepest(error: BaseException) -> tuple[str, int]:
    """Return the place in the package where an error was raised."""
    found = ("", 0)
    trace = error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if "dlgeom" in name:
            found = (Path(name).name, trace.tb_lineno)
        trace = trace.tb_next
    return found


def run_lengths(random: Random) -> dict[str, Any] | None:
    """Decode a mutated text of counts; compare with decoding in Python's integers."""
    from fuzz.mutators import mutate_bytes

    height, width = random.randrange(1, 60), random.randrange(1, 60)
    cuts = sorted(random.randrange(height * width + 1) for _ in range(random.randrange(1, 12)))
    counts = [b - a for a, b in zip([0, *cuts], [*cuts, height * width], strict=True)]
    import numpy as np

    from dlgeom.geometry import rle

    text = rle.to_string(np.array(counts, dtype=np.uint32)).encode()
    data = mutate_bytes(text, text, random) if random.random() < 0.8 else text
    fault = decode(data, height, width, good=data == text)
    return fault and {"fault": fault, "data": data.hex(), "size": [height, width]}


def decode(data: bytes, height: int, width: int, *, good: bool = False) -> str | None:
    """Decode run lengths by the library and by the rule; return how they differ."""
    from trust.strict import decoded

    from dlgeom.errors import GeometryError
    from dlgeom.geometry import rle

    try:
        array = rle.from_string(data)
        rle.check(array, (height, width))
        found: list[int] | None = array.tolist()
    except GeometryError:
        found = None
    except Exception:
        return traceback.format_exc()[-1500:]
    try:
        due: list[int] | None = decoded(data.decode("ascii"))
        if sum(due or ()) != height * width or any(c >= 2**32 for c in due or ()):
            due = None
    except (AssertionError, IndexError, UnicodeDecodeError):
        due = None
    if found is not None and found != due:
        return f"{found} is not {due}"
    return "a good text is refused" if found is None and good else None
