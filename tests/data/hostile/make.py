"""Make the hostile corpus and its manifest: ``make.py FOLDER`` or ``make.py --manifest``.

The files are not kept: some are large, and some have names, links and pipes that not each file
system and not each archive can hold. The tests run `build` into a temporary folder. What must
come of each case is in ``manifest.json`` beside this script, with a checksum of its files, so that
a change shows. The same bytes come out on each machine: pictures are stored, not compressed.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import bits
import cases_coco
import cases_coco_more
import cases_files
import cases_limits
import cases_platform
import cases_sidecar
import cases_text
import cases_video
import cases_voc
import cases_yolo

# Each adds its cases where it is imported.
MODULES = (
    cases_coco,
    cases_coco_more,
    cases_yolo,
    cases_voc,
    cases_text,
    cases_platform,
    cases_video,
    cases_files,
    cases_limits,
    cases_sidecar,
)
ABOUT = (
    "Hostile and broken inputs of our own making. expected is for lenient, expected_strict for "
    "strict mode: accept (exit 0, notices allowed), accept-with-warning (bad records left out, "
    "mended or told), error. code is the code that must be told; null: any, or none. survivors "
    "are the records that must be kept, like is the case whose output must come out byte for byte."
)
MANIFEST = Path(__file__).with_name("manifest.json")


def manifest() -> dict[str, Any]:
    """Return the manifest."""
    cases = []
    for case in bits.CASES:
        entry: dict[str, Any] = {
            "id": case.id,
            "format": case.format,
            "what": case.what,
            "expected": case.expected,
            "expected_strict": case.strict,
            "code": case.code,
            "survivors": case.survivors,
            "must_never": case.must_never,
        }
        for key in ("reads", "to", "like", "options", "setup"):
            if getattr(case, key):
                entry[key] = getattr(case, key)
        if case.source != ".":
            entry["source"] = case.source
        digest = hashlib.sha256()
        # What zlib compresses differs between its versions.
        entry["sha256"] = None
        if not case.stable:
            cases.append(entry)
            continue
        for name, data in sorted(case.files.items()):
            digest.update(name.encode("utf-8", "surrogateescape") + b"\0" + data + b"\0")
        entry["sha256"] = digest.hexdigest()
        cases.append(entry)
    return {"about": ABOUT, "count": len(cases), "cases": cases}


def build(folder: Path) -> None:
    """Write the files of each case into a folder of its own."""
    for case in bits.CASES:
        (folder / case.id).mkdir(parents=True)
        for name, data in case.files.items():
            place = folder / case.id / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)


def main(arguments: list[str]) -> int:
    """Write the corpus, or the manifest."""
    if arguments == ["--manifest"]:
        MANIFEST.write_text(json.dumps(manifest(), indent=1) + "\n")
    elif len(arguments) == 1:
        build(Path(arguments[0]))
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
