"""Fuzz the readers: ``python tests/fuzz/run.py --format coco --runs 10000 --seed 1``.

Cases of the hostile corpus are mutated (bits, cuts, splices, words, numbers, nesting, lines), then
converted in lenient mode in a forked child under 4 GiB. What may come is a report or a
`DlgeomError`; a signal, a hang, another exception, an output that an independent parser refuses
(P7), counts that do not add up (P6) and what the audit hook forbids (P2) are findings: the input
is kept in ``tests/data/fuzz``. ``--format rle`` fuzzes the run lengths alone, against a decoder in
Python's integers. A child does many runs; one run is one mutated data set.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent), str(TESTS / "data" / "hostile")]

from trust.corpora import FORMATS, TARGETS  # noqa: E402
from trust.zygote import Watch, homes  # noqa: E402

KEPT = TESTS / "data" / "fuzz"
SECONDS = 10
BATCH = 200
WORDS = (
    b"NaN Infinity -Infinity 1e999 -1 0 1e-400 18446744073709551616 4294967296 2147483648 null "
    b'true [] {} "" ../ \\u0000 \\ud800 <!ENTITY !!python/name:os &a *a --> WEBVTT 00:00:00,000 '
    b"9999999999999999999999 1_0 0x10 \xd9\xa0 \xef\xbb\xbf \xff \x00 data:image/png;base64, inf"
).split(b" ")


def mutate(data: bytes, other: bytes, random_: random.Random) -> bytes:
    """Return a mutated copy of `data`; `other` gives pieces to splice."""
    made = bytearray(data)
    for _ in range(random_.choice((1, 1, 1, 2, 3, 6))):
        at = random_.randrange(len(made) + 1)
        end = min(len(made), at + random_.choice((1, 2, 4, 16, 64)))
        kind = random_.randrange(10)
        if kind == 0 and made:
            made[at % len(made)] ^= 1 << random_.randrange(8)
        elif kind == 1:
            made[at:end] = random_.randbytes(end - at)
        elif kind == 2:
            del made[at:end]
        elif kind == 3:
            made[at:at] = made[at:end] * random_.choice((1, 2, 50))
        elif kind in (4, 5):
            made[at:at] = random_.choice(WORDS)
        elif kind == 6 and other:
            start = random_.randrange(len(other))
            made[at:end] = other[start : start + random_.choice((4, 32, 256))]
        elif kind == 7:
            del made[at:]
        elif kind == 8:
            _number(made, at, random_)
        elif kind == 9:
            depth = random_.choice((2, 70, 2000))
            made[at:at] = random_.choice((b"[", b'{"a":', b"<a>", b"[[1],")) * depth
    return bytes(made)


def _number(made: bytearray, at: int, random_: random.Random) -> None:
    """Put a word in place of a number that stands near."""
    digits = b"0123456789.-"
    while at < len(made) and made[at] not in digits:
        at += 1
    end = at
    while end < len(made) and made[end] in digits:
        end += 1
    made[at:end] = random_.choice(WORDS)


def seeds_of(name: str) -> list[Any]:
    """Return the cases of a format that are plain files."""
    import make

    found = []
    for case in make.bits.CASES:
        form = case.reads or FORMATS.get(case.format, case.format)
        wanted = "zip" if case.format == "zip" else form
        size = sum(map(len, case.files.values()))
        if wanted == name and not case.setup and size < 20_000:
            found.append(case)
    return found


def one(
    case: Any, cases: list[Any], random_: random.Random, place: Path, watch: Watch
) -> dict[str, Any] | None:
    """Do a run; return what is wrong, with the files that it takes to see it again."""
    files = dict(case.files)
    keys = sorted(files)
    # Annotations more often than pictures.
    texts = [key for key in keys if not key.endswith(".png")] or keys
    key = random_.choice(texts if random_.random() < 0.9 else keys)
    other = random_.choice(cases).files
    files[key] = mutate(files[key], random_.choice(list(other.values())), random_)
    fault = convert(case, files, place, watch)
    if fault is None:
        return None
    return {"case": case.id, "file": key, "fault": fault, "data": files[key].hex()}


def convert(case: Any, files: dict[str, bytes], place: Path, watch: Watch) -> str | None:
    """Convert a data set; return what is wrong."""
    from trust.strict import check_output

    import dlgeom as dl

    for name in ("in", "out", "out.xml"):
        shutil.rmtree(place / name, ignore_errors=True)
    (place / "out.xml").unlink(missing_ok=True)
    for name, data in files.items():
        path = place / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    form = case.reads or FORMATS.get(case.format, case.format)
    to = case.to or TARGETS[form]
    target = place / ("out.xml" if to == "cvat" else "out")
    more: dict[str, Any] = {"task": "segment"} if to == "yolo" else {}
    if form == "yolo-video":
        more["yolo_video_size"] = "40x30"
    watch.found.clear()
    watch.busy = False
    try:
        report = dl.convert(
            place / "in" / case.source,
            target,
            from_format=form,
            to_format=to,
            on_error="skip",
            **more,
        )
        report.check()
    except dl.DlgeomError as error:
        if isinstance(error, dl.errors.InternalError):
            return traceback.format_exc()[-1500:]
        if target.exists():
            return f"left after {error}"
    except Exception:
        return traceback.format_exc()[-1500:]
    else:
        watch.busy = True
        try:
            check_output(target)
        except Exception:
            return "output: " + traceback.format_exc()[-1500:]
    finally:
        watch.busy = True
    return f"hook: {watch.found[:5]}" if watch.found else None


def run_lengths(random_: random.Random) -> dict[str, Any] | None:
    """Decode a mutated text and mutated counts; compare with decoding in Python's integers."""
    import numpy as np
    from trust.strict import decoded

    from dlgeom.errors import GeometryError
    from dlgeom.geometry import rle

    height, width = random_.randrange(1, 60), random_.randrange(1, 60)
    cuts = sorted(random_.randrange(height * width + 1) for _ in range(random_.randrange(1, 12)))
    counts = [b - a for a, b in zip([0, *cuts], [*cuts, height * width], strict=True)]
    text = rle.to_string(np.array(counts, dtype=np.uint32)).encode()
    changed = mutate(text, text, random_) if random_.random() < 0.8 else text
    try:
        array = rle.from_string(changed)
        rle.check(array, (height, width))
        found: list[int] | None = array.tolist()
    except GeometryError:
        found = None
    except Exception:
        return {"fault": traceback.format_exc()[-1500:], "data": changed.hex()}
    try:
        due: list[int] | None = decoded(changed.decode("ascii"))
        if sum(due or ()) != height * width or any(c >= 2**32 for c in due or ()):
            due = None
    except (AssertionError, IndexError, UnicodeDecodeError):
        due = None
    if found is not None and found != due:
        return {"fault": f"{found} is not {due}", "data": changed.hex(), "size": [height, width]}
    if found is None and changed == text:
        return {"fault": "a good text is refused", "data": changed.hex(), "size": [height, width]}
    return None


def child(name: str, seed: int, runs: int, write: int) -> None:
    """Do some runs in a fork, and send what is wrong as lines."""
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
    cases = [] if name == "rle" else seeds_of(name)
    base = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=base) as folder:
        tempfile.tempdir = folder
        # Files of a target are opened relative to its folder; the hook sees the name alone.
        os.chdir(folder)
        place = Path(folder)
        watch = Watch(homes(str(TESTS.parent)), [folder], [folder])
        watch.busy = True
        sys.addaudithook(watch)
        for number in range(seed, seed + runs):
            random_ = random.Random(number)
            signal.alarm(6 * SECONDS)
            os.write(write, f"{number}\n".encode())
            if name == "rle":
                found = run_lengths(random_)
            else:
                found = one(random_.choice(cases), cases, random_, place, watch)
            if found is not None:
                line = json.dumps({"format": name, "seed": number, **found})
                os.write(write, line.encode() + b"\n")
        signal.alarm(0)


def fuzz(name: str, runs: int, seed: int, tell: Callable[[dict[str, Any]], None]) -> int:
    """Do the runs, in forks of some each; return how many were done."""
    done = 0
    while done < runs:
        read, write = os.pipe()
        part = min(BATCH, runs - done)
        forked = os.fork()
        if not forked:
            os.close(read)
            code = 1
            try:
                child(name, seed + done, part, write)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        os.close(write)
        last = seed + done
        with os.fdopen(read, "rb") as pipe:
            for line in pipe:
                value = json.loads(line)
                if isinstance(value, int):
                    last = value
                else:
                    tell(value)
        _, status = os.waitpid(forked, 0)
        if status:
            code = os.waitstatus_to_exitcode(status)
            tell({"format": name, "seed": last, "fault": f"child ended with {code}"})
            done += last - (seed + done) + 1
        else:
            done += part
    return done


def warm() -> None:
    """Load what the children need."""
    from trust.zygote import warm as load

    with (
        tempfile.TemporaryDirectory() as folder,
        open(os.devnull, "w") as quiet,
        contextlib.redirect_stdout(quiet),
        contextlib.redirect_stderr(quiet),
    ):
        load(Path(folder))
    import trust.strict  # noqa: F401


def main() -> int:
    """Run the fuzzer from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--format", default="coco")
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="keep findings in tests/data/fuzz")
    given = parser.parse_args()
    warm()
    found: list[dict[str, Any]] = []

    def tell(fault: dict[str, Any]) -> None:
        found.append(fault)
        print(json.dumps(fault)[:3000], flush=True)
        if given.keep:
            KEPT.mkdir(exist_ok=True)
            (KEPT / f"{fault['format']}-{fault['seed']}.json").write_text(json.dumps(fault) + "\n")

    start = time.perf_counter()
    done = fuzz(given.format, given.runs, given.seed, tell)
    print(
        f"{given.format}: {done} runs, {len(found)} findings, {time.perf_counter() - start:.0f} s"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
