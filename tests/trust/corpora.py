"""The two hostile corpora, that of the project and the shared one, and how a case is run."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from trust.children import (
    Ending,
    Zygote,
    check_child,
    check_outcome,
    no_leftovers,
    place_case,
    tree,
)
from trust.strict import check_output

HERE = Path(__file__).parents[1] / "data" / "hostile"
TARGETS = {
    "coco": "yolo",
    "cvat": "dataloop",
    "dataloop": "coco",
    "mot": "cvat",
    "srt": "vtt",
    "voc": "coco",
    "vtt": "srt",
    "yolo": "coco",
    "yolo-video": "cvat",
    "ytvis": "cvat",
}
# Words of the manifests that are no names of formats.
FORMATS = {
    "fs": "coco",
    "labels": "yolo",
    "masks": "voc",
    "platform": "dataloop",
    "segpng": "voc",
    "yolovideo": "yolo-video",
    "zip": "coco",
}
# A type that nobody knows is kept as it is, and told; what is left of it is the target's matter.
KEPT = {"plat-type-unknown", "plat-type-dunder"}
# Cues that are odd, kept as the specification has it or as they are meant, and told.
KEPT |= {"vtt-time-comma", "vtt-time-reversed", "vtt-empty-text"}
# The path itself is what is wrong; the manifest names the file.
AS_FILE = {"fs-in-dir", "fs-in-fifo"}
MODES = ("lenient", "strict")


def own_cases() -> list[dict[str, Any]]:
    """Return the cases of the project's own corpus."""
    cases: list[dict[str, Any]] = json.loads((HERE / "manifest.json").read_text())["cases"]
    return cases


def build_own(folder: Path) -> Path:
    """Write the project's own corpus to a folder."""
    sys.path.insert(0, str(HERE))
    try:
        import make
    finally:
        sys.path.remove(str(HERE))
    make.build(folder)
    return folder


def shared_root() -> Path:
    """Return the folder of the shared data, which may not be there."""
    named = os.environ.get("DLGEOM_SHARED_DATA")
    return Path(named) if named else Path(__file__).parents[3] / "shared" / "data"


def shared_manifest() -> dict[str, Any]:
    """Return the shared manifest; one without cases where it is not there."""
    path = shared_root() / "hostile" / "manifest.json"
    if not path.is_file():
        return {"cases": [], "escape_dir": "", "canary": "CANARY"}
    manifest: dict[str, Any] = json.loads(path.read_text())
    return manifest


def source_of(case: dict[str, Any], folder: Path) -> Path:
    """Return what to convert."""
    if case["id"] in AS_FILE or (case["format"] == "zip" and "file" in case):
        return folder / "INPUT" / Path(case["file"]).relative_to(case["id"])
    return folder / "INPUT" / case.get("source", ".")


def arguments_of(case: dict[str, Any], mode: str, folder: Path) -> tuple[list[str], Path, str]:
    """Return the command line of a case, its target and the name of the target's format."""
    form = case.get("reads") or FORMATS.get(case["format"], case["format"])
    to = case.get("to") or TARGETS[form]
    target = folder / ("OUT.xml" if to == "cvat" else "OUT")
    arguments = ["convert", str(source_of(case, folder)), str(target), "--overwrite"]
    arguments += ["--report", str(folder / "report.json"), "--from", form, "--to", to]
    for option in case.get("options", ()):
        arguments.append(str(folder / option) if option.startswith("INPUT/") else option)
    if to == "yolo" and "--task" not in arguments:
        arguments += ["--task", "segment"]
    if mode == "strict":
        arguments.append("--strict")
    return arguments, target, to


class Outcome:
    """What came of a case: the word for the table, and what was measured."""

    def __init__(self, word: str, ending: Ending, output: dict[str, Any] | bytes | None) -> None:
        self.word = word
        self.ending = ending
        self.output = output


def run_case(
    process: Zygote, case: dict[str, Any], mode: str, corpus: Path, folder: Path
) -> Outcome:
    """Run a case in a child, and check all that must hold of each.

    Parameters
    ----------
    corpus : Path
        Where the cases are, each in a folder of its name.
    folder : Path
        An empty folder to work in.
    """
    place_case(case, corpus, folder)
    before = tree(folder)
    arguments, target, to = arguments_of(case, mode, folder)
    log, report = folder / "log.txt", folder / "report.json"
    ending = process.run(
        arguments, log, readable=[folder / "INPUT"], writable=[target, report, folder]
    )
    text = log.read_text("utf-8", "replace")
    check_child(ending, text)
    word = check_outcome(case, mode, ending, report, text, case["id"] in KEPT)
    no_leftovers(folder)
    after = tree(folder)
    ours = {"log.txt", "report.json", "TMP"}
    for name, found in before.items():
        if not name.startswith("OUT"):
            assert after.get(name) == found, f"{name} was changed"
    for name in after.keys() - before.keys():
        assert name in ours or name.split("/")[0] in ("OUT", "OUT.xml"), f"{name} was written"
    if ending.status > 1:
        # What was there stays, nothing else comes.
        outputs = {name for name in after if name.split("/")[0] in ("OUT", "OUT.xml")}
        assert outputs == {n for n in before if n.split("/")[0] in ("OUT", "OUT.xml")}
        assert "report.json" not in after
        return Outcome(word, ending, None)
    assert "CANARY" not in text
    check_output(target)
    if "like" not in case and not case["id"].startswith("limits-"):
        back_from_target(process, target, to, folder)
    output = target.read_bytes() if target.is_file() else tree(target)
    assert "CANARY" not in repr(output)
    return Outcome(word, ending, output)


def back_from_target(process: Zygote, target: Path, to: str, folder: Path) -> None:
    """P7: what was written is read again without a fault, and as many records come out."""
    facts = json.loads((folder / "report.json").read_text())
    kept = facts["annotations"]["written"] + facts["annotations"]["approximated"]
    if not kept:
        return
    log, report = folder / "back.txt", folder / "back.json"
    arguments = ["convert", str(target), str(folder / "BACK"), "--from", to, "--to", "dataloop"]
    arguments += ["--dry-run", "--report", str(report)]
    ending = process.run(arguments, log, readable=[target], writable=[folder])
    text = log.read_text("utf-8", "replace")
    check_child(ending, text)
    assert ending.status == 0, f"what was written cannot be read: {text}"
    again = json.loads(report.read_text())["annotations"]["read"]
    # CVAT has a track for each kind of shape.
    assert again == kept or (to == "cvat" and again > kept), f"{kept} written, {again} read"
    for path in (log, report):
        path.unlink()
