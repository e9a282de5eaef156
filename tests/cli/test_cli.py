"""The command line: exit codes, one line for an error, results on standard output only."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import dlgeom
from dlgeom.cli.run import Terminated, run
from dlgeom.converters import pipeline, registry
from dlgeom.limits import Limits

ROOT = Path(dlgeom.__file__).parents[1]
SAMPLE = Path(dlgeom.__file__).parent / "sample" / "coco"
COMMAND = [sys.executable, "-m", "dlgeom"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}


def child(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**ENVIRONMENT, **options.pop("env", {})},
        **options,
    )


def coco(folder: Path, **changes: Any) -> Path:
    """Write a small COCO file; one annotation is bad if asked for."""
    annotation = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4]}
    content: dict[str, Any] = {
        "images": [{"id": 1, "file_name": "a.png", "width": 9, "height": 9}],
        "annotations": [annotation],
        "categories": [{"id": 1, "name": "Łódź"}],
    }
    if changes.pop("bad", False):
        content["annotations"].append({**annotation, "id": 2, "image_id": 99})
    path = folder / "a.json"
    path.write_text(json.dumps({**content, **changes}))
    return path


# ------------------------------------------------------------------ results


def test_a_conversion_ends_with_its_table_and_target(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["convert", str(SAMPLE), str(tmp_path / "out.json")]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    head, values, *_, last = out.splitlines()
    assert head.split()[:3] == ["images", "read", "written"]
    assert values.split()[:3] == ["5", "6", "6"]
    assert last == f"coco written: {tmp_path / 'out.json'}"


def test_the_task_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source = coco(tmp_path)
    arguments = ["convert", str(source), str(tmp_path / "out"), "--to", "yolo", "--dry-run"]
    assert run(arguments) == 0
    last = capfd.readouterr().out.splitlines()[-1]
    assert last == f"yolo, task detect would be written: {tmp_path / 'out'}"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["convert", "info", "formats"])
def test_json_is_all_that_is_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], command: str
) -> None:
    source = coco(tmp_path)
    arguments = {
        "convert": ["convert", str(source), str(tmp_path / "out.json"), "--json"],
        "info": ["info", str(source), "--json"],
        "formats": ["formats", "--json"],
    }
    assert run(arguments[command]) == 0
    out, err = capfd.readouterr()
    found = json.loads(out)
    assert err == ""
    if command == "convert":
        assert found["annotations"] == {"read": 1, "written": 1, "approximated": 0, "dropped": 0}
    elif command == "info":
        assert (found["format"], found["labels"]) == ("coco", {"Łódź": 1})
    else:
        assert [entry["name"] for entry in found][:3] == ["coco", "yolo", "voc"]


def test_quiet_is_silent(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source = coco(tmp_path, bad=True)
    assert run(["convert", str(source), str(tmp_path / "out.json"), "--quiet"]) == 1
    assert run(["info", str(source), "-q"]) == 1
    assert capfd.readouterr() == ("", "")
    assert run(["convert", str(tmp_path / "no"), str(tmp_path / "o.json"), "-q"]) == 5
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1


def test_info_tells_what_a_path_is(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["info", str(SAMPLE)]) == 0
    out = capfd.readouterr().out
    assert out.startswith("format       coco\nimages       5 (1 without annotations)\n")
    assert "annotations  6\n" in out
    assert "never used" in out


def test_formats_lists_each_option(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["formats"]) == 0
    out = capfd.readouterr().out
    for entry in registry.formats().values():
        assert f"{entry.name}  read, write  {entry.title}" in out
        for option in entry.options:
            assert f"--{option.name.replace('_', '-')}" in out


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_has_the_options_of_the_formats(flag: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run([flag]) == 0
    assert "convert" in capfd.readouterr().out
    assert run(["convert", flag]) == 0
    writing = capfd.readouterr().out
    assert run(["info", flag]) == 0
    reading = capfd.readouterr().out
    for entry in registry.formats().values():
        for option in entry.options:
            flag = "--" + option.name.replace("_", "-")
            assert flag in writing
            assert (flag in reading) == (option.use != "write")
    for name in Limits.__struct_fields__:
        assert name in " ".join(writing.split())


def test_the_version_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert dlgeom.__version__ in capfd.readouterr().out


def test_without_a_command_help_goes_to_standard_error(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert run([]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("Usage: dlgeom")


# ------------------------------------------------------------------ errors


def test_exit_codes_are_those_of_the_page(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    good = str(coco(tmp_path))
    (tmp_path / "bad").mkdir()
    bad = str(coco(tmp_path / "bad", bad=True))
    broken = tmp_path / "broken.json"
    broken.write_text('{"images": [')
    (tmp_path / "there.json").write_text("{}")
    new = str(tmp_path / "new.json")
    cases: list[tuple[int, list[str]]] = [
        (0, [good, new]),
        (1, [bad, new]),
        (0, [good, new, "--fail-on-loss"]),
        (1, [good, str(tmp_path / "y"), "--to", "yolo", "--dry-run", "--fail-on-loss"]),
        (0, [good, str(tmp_path / "y"), "--to", "yolo", "--dry-run"]),
        (2, [good, new, "--nothing"]),
        (2, [good, new, "--to", "cocoo"]),
        (2, [good, str(tmp_path / "folder")]),
        (2, [good]),
        (2, [str(tmp_path / "bad"), new, "--from", "x"]),
        (3, [str(broken), new, "--from", "coco"]),
        (3, [bad, new, "--strict"]),
        (4, [good, new, "--limit", "file_bytes=10"]),
        (5, [good, str(tmp_path / "there.json")]),
        (5, [str(tmp_path / "missing.json"), new]),
        (5, [good, good, "--overwrite"]),
    ]
    for code, arguments in cases:
        assert run(["convert", *arguments]) == code, arguments
        out, err = capfd.readouterr()
        if code >= 2:
            assert out == ""
            assert err.startswith("dlgeom: ")
            assert err.count("\n") == 1
            assert "Traceback" not in err
            assert not Path(new).exists()
        else:
            assert err == ""
            Path(new).unlink(missing_ok=True)
    assert (tmp_path / "there.json").read_text() == "{}"


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["conver"], "'convert'"),
        (["infos"], "'info'"),
        (["--verison"], "'--version'"),
        (["convert", "a", "b", "--voc-bas", "1"], "'--voc-base'"),
        (["convert", "a", "b", "--overwrit"], "'--overwrite'"),
        (["convert", "a", "b", "--coco-holes", "bridg"], "'bridge'"),
        (["convert", "a", "b", "--task", "segmet"], "'segment'"),
        (["convert", "a", "b", "--image-files", "lnk"], "'link'"),
        (["convert", "a", "b", "--to", "yollo"], "'yolo'"),
        (["convert", "a", "b", "--from", "ultralytic"], "'ultralytics'"),
        (["convert", "a", "b", "--limit", "pixel=3"], "'pixels'"),
        (["info", "a", "--from", "coc"], "'coco'"),
    ],
)
def test_what_was_meant_is_suggested(
    arguments: list[str], hint: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    err = capfd.readouterr().err
    assert f"Did you mean {hint}?" in err
    assert err.count("\n") == 1
    assert err.count("Did you mean") == 1


@pytest.mark.parametrize("text", ["pixels", "pixels=", "pixels=x", "pixels=nan", "pixels=inf"])
def test_a_limit_that_is_no_number_is_refused(text: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["convert", "a", "b", "--limit", text]) == 2
    assert "no NAME=VALUE with a finite number" in capfd.readouterr().err
    assert run(["convert", "a", "b", "--limit", "pixels=-1"]) == 2
    assert "greater than 0" in capfd.readouterr().err


def test_limits_reach_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Limits] = []

    def convert(*_: Any, limits: Limits, **__: Any) -> Any:
        seen.append(limits)
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "convert", convert)
    big = 2**60 + 1
    run(["convert", "a", "b.json", "--limit", f"pixels={big}", "--limit", "outline=1e3"])
    assert seen == [Limits(pixels=big, outline=1000.0)]


def test_a_bug_is_one_line_and_debug_shows_the_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def convert(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("a\nbug")

    monkeypatch.setattr(pipeline, "convert", convert)
    assert run(["convert", "a", "b.json"]) == 6
    err = capfd.readouterr().err
    assert err.count("\n") == 1
    assert "ZeroDivisionError: a bug" in err
    assert run(["convert", "a", "b.json", "--debug"]) == 6
    assert "Traceback" in capfd.readouterr().err


@pytest.mark.parametrize("arguments", [["x.json", "y.json"], ["x.json", "y.json", "--from", "voc"]])
def test_debug_shows_the_traceback_of_an_error(
    arguments: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    here = [str(tmp_path / arguments[0]), str(tmp_path / arguments[1]), *arguments[2:]]
    assert run(["convert", *here, "--debug"]) == 5
    err = capfd.readouterr().err
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("dlgeom: ")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (Terminated(), 143),
        (PermissionError(13, "Permission denied", "x"), 5),
        (MemoryError(), 6),
        (RecursionError("deep"), 6),
    ],
)
def test_whatever_ends_a_run_has_its_code(
    error: BaseException,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def convert(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(pipeline, "convert", convert)
    before = signal.getsignal(signal.SIGTERM)
    assert run(["convert", "a", "b.json"]) == code
    assert signal.getsignal(signal.SIGTERM) is before
    # Click ends the line that the terminal has shown ^C on.
    assert capfd.readouterr().err.strip().count("\n") == 0


def test_a_signal_becomes_an_exception_that_nothing_catches(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert not issubclass(Terminated, Exception)
    cleaned = []

    def convert(*_: Any, **__: Any) -> Any:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGTERM)  # a second one does not disturb the cleaning up
            signal.raise_signal(signal.SIGINT)
            cleaned.append(True)

    monkeypatch.setattr(pipeline, "convert", convert)
    before = [signal.getsignal(k) for k in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)]
    assert run(["convert", "a", "b.json"]) == 143
    assert cleaned
    assert before == [signal.getsignal(k) for k in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)]
    assert "terminated; unfinished files were removed" in capfd.readouterr().err


def test_a_signal_that_is_lost_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def convert(*_: Any, **__: Any) -> Any:
        with contextlib.suppress(KeyboardInterrupt):  # as `__del__` or a module of C does
            signal.raise_signal(signal.SIGINT)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            time.sleep(0.01)
        raise AssertionError("went on")

    monkeypatch.setattr(pipeline, "convert", convert)
    assert run(["convert", "a", "b.json"]) == 130
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


# ------------------------------------------------------------------ as a process


def _large(folder: Path) -> Path:
    """Write a COCO file that takes seconds to become VOC."""
    count = 30_000
    images = [
        {"id": k, "file_name": f"{k % 50}/{k}.png", "width": 99, "height": 99} for k in range(count)
    ]
    annotations = [
        {"id": k, "image_id": k, "category_id": 1, "bbox": [1, 1, 4, 4], "area": 16, "iscrowd": 0}
        for k in range(count)
    ]
    return coco(folder, images=images, annotations=annotations)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["term", "int"]
)
def test_a_signal_stops_a_run_and_leaves_nothing(tmp_path: Path, number: int, code: int) -> None:
    source = _large(tmp_path)
    out, report = tmp_path / "deep" / "out", tmp_path / "deep" / "report.json"
    arguments = ["convert", source, out, "--to", "voc", "--report", report]
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    folder = out / "Annotations" / "0"
    end = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end:
        if folder.is_dir() and any(folder.iterdir()):
            break
        time.sleep(0.005)
    process.send_signal(number)
    output, error = process.communicate(timeout=60)
    assert process.returncode == code
    assert output == ""
    assert error.strip().count("\n") == 0
    assert "unfinished files were removed" in error
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_the_module_is_the_command(tmp_path: Path) -> None:
    done = child("convert", coco(tmp_path), tmp_path / "out.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert "coco written: " in done.stdout
    done = child("convert", tmp_path / "no.json", tmp_path / "o.json")
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr.startswith("dlgeom: ")


def test_a_reader_that_goes_away_is_no_error() -> None:
    process = subprocess.Popen(
        [*COMMAND, "convert", "--help"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=60) == 0


def test_a_terminal_without_unicode_is_no_reason_to_fail(tmp_path: Path) -> None:
    environment = {"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
    done = child("info", coco(tmp_path), env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "labels       1 (1 used)" in done.stdout
    done = child("info", coco(tmp_path), "--json", env=environment)
    assert json.loads(done.stdout)["labels"] == {"Łódź": 1}


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes on Linux only")
def test_a_file_whose_name_is_no_text_can_be_converted(tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/\xff.json"
    os.rename(coco(tmp_path), odd)
    command = [os.fsencode(part) for part in [*COMMAND, "convert"]]
    for more in ([], [b"--json"]):
        target = os.fsencode(tmp_path) + b"/out" + str(len(more)).encode() + b".json"
        done = subprocess.run(
            [*command, odd, target, *more], capture_output=True, env=ENVIRONMENT, check=False
        )
        assert (done.returncode, done.stderr) == (0, b"")
        if more:
            assert json.loads(done.stdout)["source"].endswith("\udcff.json")


def test_help_needs_no_format_and_no_numpy() -> None:
    code = (
        "import sys; from dlgeom.cli.run import run; run(['--help']); "
        "print([n for n in ('numpy', 'rich', 'lxml', 'cv2', 'dlgeom.converters') "
        "if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=ENVIRONMENT,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_conversion_without_a_terminal_loads_no_progress_bar(tmp_path: Path) -> None:
    source = coco(tmp_path)
    code = (
        "import sys; from dlgeom.cli.run import run; "
        f"run(['convert', {str(source)!r}, {str(tmp_path / 'o.json')!r}]); "
        "print('rich' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=ENVIRONMENT,
    )
    assert done.stdout.splitlines()[-1] == "False"
