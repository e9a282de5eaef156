"""Fuzz a reader guided by coverage: ``python tests/fuzz/atheris_fuzz.py coco FOLDER -runs=N``.

Needs atheris (``pip install atheris``), which is no dependency of the project. The first word is a
format of ``run.py``; what follows is for libFuzzer: folders of inputs, ``-max_total_time=600`` and
so on. An input is two bytes that choose the case of the corpus, and the content of its main file;
new ones come from the mutations of ``run.py`` and from libFuzzer's own in turn. With
``--seed-corpus FOLDER`` behind the format the cases are written as inputs, and nothing is run. A
finding is a crash file of libFuzzer.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fuzz.fuzz_harness import Input

sys.path.insert(0, str(Path(__file__).parents[1]))


def main_file(given: Input) -> str:
    """Return the file that is fuzzed: the sidecar, the map, the mask, else annotations."""
    for key in sorted(given.files):
        wanted = {"sidecar": key.endswith(".zst"), "labels": key.startswith("map.")}
        wanted["masks"] = key.startswith("Segmentation")
        if wanted.get(given.name, not key.endswith((".png", "train.txt", "data.yaml"))):
            return key
    return sorted(given.files)[0]


def pack(at: int, data: bytes) -> bytes:
    """Return a case's number and a file as one input."""
    return at.to_bytes(2, "big") + data


def main() -> None:
    """Run the fuzzer."""
    import atheris

    # What is not imported by then is not seen: `warm` loads all modules of the package.
    with atheris.instrument_imports(include=["dlgeom"], enable_loader_override=False):
        from fuzz.fuzz_harness import TESTS, Harness, Input, decode, inputs_of
        from fuzz.mutators import mutate
        from fuzz.run import warm
        from trust.zygote import Watch, homes, relative_opens

        warm()
    name, rest = sys.argv[1], sys.argv[2:]
    cases = [] if name == "rle" else inputs_of(name)
    if rest[:1] == ["--seed-corpus"]:
        folder = Path(rest[1])
        folder.mkdir(parents=True, exist_ok=True)
        for at, case in enumerate(cases):
            (folder / f"{at:04}").write_bytes(pack(at, case.files[main_file(case)]))
        return
    base = "/dev/shm" if os.path.isdir("/dev/shm") else None
    place = Path(tempfile.mkdtemp(dir=base))
    (place / "tmp").mkdir()
    tempfile.tempdir = str(place / "tmp")
    watch = Watch(homes(str(TESTS.parent)), [str(place)], [str(place)])
    watch.busy = True
    relative_opens(watch)
    sys.addaudithook(watch)
    harness = Harness(place, watch)

    def one(data: bytes) -> None:
        if name == "rle":
            fault = decode(data[2:], 1 + data[0] % 60, 1 + data[1] % 60) if len(data) > 2 else None
        else:
            case = cases[int.from_bytes(data[:2], "big") % len(cases)]
            files = {**case.files, main_file(case): data[2:]}
            fault = harness.convert(
                Input(name, case.case, case.form, case.to, files, case.source, case.options)
            )
        if fault is not None:
            raise AssertionError(fault)

    def changed(data: bytes, most: int, seed: int) -> bytes:
        choice = random.Random(seed)
        if not cases:
            return bytes(atheris.Mutate(data, most))
        at = int.from_bytes(data[:2], "big") % len(cases)
        if choice.random() < 0.02 or len(data) < 3:
            at = choice.randrange(len(cases))
            return pack(at, cases[at].files[main_file(cases[at])])[:most]
        if choice.random() < 0.4:
            return pack(at, atheris.Mutate(data[2:], max(most - 2, 1)))[:most]
        other = choice.choice(cases)
        key = main_file(cases[at])
        return pack(at, mutate(key, data[2:], other.files[main_file(other)], choice))[:most]

    atheris.Setup([sys.argv[0], *rest], one, custom_mutator=changed)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
