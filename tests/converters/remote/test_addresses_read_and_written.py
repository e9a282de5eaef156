"""Sources and targets at addresses: in memory, in an S3-compatible store of the tests, in zips."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import dlgeom as dl
from dlgeom.cli.run import run
from dlgeom.converters import lazy
from dlgeom.converters.places import url_of
from dlgeom.converters.remote.addresses import shown_url
from dlgeom.errors import DlgeomError, LimitError, MissingDependencyError, OutputError, UsageError
from dlgeom.limits import DEFAULT_LIMITS

fsspec = pytest.importorskip("fsspec")

SAMPLE = Path(dl.__file__).parent / "sample" / "coco"
FORMATS = ("coco", "yolo", "voc", "dataloop", "vtt")
SECRET = "correct-horse-battery-staple"

# Of botocore and moto, in their own code.
pytestmark = [
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
]


@pytest.fixture(autouse=True)
def own_temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the test a folder for temporary files, which is empty at the end."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    yield place
    assert list(place.iterdir()) == []
    assert not lazy._stores


@pytest.fixture
def memory() -> Iterator[Any]:
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    yield system
    system.store.clear()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Start an object store on this machine."""
    moto_server = pytest.importorskip("moto.server")
    found = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    found.start()
    host, port = found.get_host_and_port()
    yield f"http://{host}:{port}"
    found.stop()


@pytest.fixture
def store(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return the file system of an empty bucket ``data``, set up as a user would."""
    pytest.importorskip("s3fs")
    options = {"key": "me", "secret": SECRET, "endpoint_url": server, "use_listings_cache": False}
    monkeypatch.setitem(fsspec.config.conf, "s3", options)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    system = fsspec.filesystem("s3")
    if system.exists("data"):
        system.rm("data", recursive=True)
    system.mkdir("data")
    yield system
    system.invalidate_cache()


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def far_tree(system: Any, path: str) -> dict[str, bytes]:
    start = system._strip_protocol(path).rstrip("/") + "/"
    return {name[len(start) :]: system.cat_file(name) for name in system.find(path)}


def put(system: Any, files: dict[str, bytes], path: str) -> None:
    for name, data in files.items():
        system.pipe_file(f"{path}/{name}", data)


@pytest.fixture(scope="module")
def data_sets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Make one data set in each format."""
    found = {}
    for name in FORMATS[:-1]:
        place = tmp_path_factory.mktemp("sets") / name
        dl.convert(SAMPLE, place, to_format=name, image_files="copy", on_error="skip")
        found[name] = place
    found["vtt"] = tmp_path_factory.mktemp("sets") / "vtt"
    found["vtt"].mkdir()
    for name in "ab":
        text = f"WEBVTT\n\n00:01.000 --> 00:02.000\nhello {name}\n"
        (found["vtt"] / f"{name}.vtt").write_text(text, encoding="utf-8")
    return found


# -- in memory ----------------------------------------------------------------------------------


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", FORMATS)
def test_each_pair_of_formats_is_as_on_disk(
    source: str, target: str, data_sets: dict[str, Path], tmp_path: Path, memory: Any
) -> None:
    files = tree(data_sets[source])
    put(memory, files, "/b/in")
    more: dict[str, Any] = {"to_format": target, "on_error": "skip"}
    if "vtt" not in (source, target):
        more["image_files"] = "copy"
    here = dl.convert(data_sets[source], tmp_path / "in", **more, report=tmp_path / "r.json")
    there = dl.convert("memory://b/in", "memory://b/out", **more, report="memory://b/r.json")
    assert far_tree(memory, "/b/out") == tree(tmp_path / "in")
    assert far_tree(memory, "/b/in") == files
    mine, other = here.summary(), there.summary()
    assert mine["annotations"] == other["annotations"]
    assert there.source == "memory://b/in"
    assert there.target == "memory://b/out"
    told = json.loads(memory.cat_file("/b/r.json"))
    assert (
        told["annotations"] == json.loads((tmp_path / "r.json").read_text("utf-8"))["annotations"]
    )


@pytest.mark.parametrize("ending", [".json", ".json.gz", ".json.zst"])
def test_single_files(ending: str, tmp_path: Path, memory: Any) -> None:
    here = tmp_path / f"x{ending}"
    dl.convert(SAMPLE, here, on_error="skip")
    dl.convert(SAMPLE, f"memory://b/x{ending}", on_error="skip")
    assert memory.cat_file(f"/b/x{ending}") == here.read_bytes()
    dl.convert(f"memory://b/x{ending}", tmp_path / "back.json", on_error="skip")
    dl.convert(here, tmp_path / "same.json", on_error="skip")
    assert (tmp_path / "back.json").read_bytes() == (tmp_path / "same.json").read_bytes()


def test_a_data_yaml_brings_its_folder(
    data_sets: dict[str, Path], tmp_path: Path, memory: Any
) -> None:
    put(memory, tree(data_sets["yolo"]), "/b/in")
    dl.convert("memory://b/in/data.yaml", tmp_path / "one", to_format="coco", image_files="copy")
    dl.convert(
        data_sets["yolo"] / "data.yaml", tmp_path / "two", to_format="coco", image_files="copy"
    )
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_every_command_reads_addresses(
    tmp_path: Path, memory: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    put(memory, tree(SAMPLE), "/b/in")
    out = str(tmp_path / "out")
    for words in (
        ["info"],
        ["stats"],
        ["validate"],
        ["diff", str(SAMPLE)],
        ["filter", out + "1", "--where", "area > 10"],
        ["split", "memory://b/split", "--parts=a=0.5,b=0.5"],
        ["merge", str(SAMPLE), "memory://b/merged"],
        ["render", out + "5", "--kind", "overlay"],
        ["view", "--out", out + "6.html"],
        ["validate", "--fix", "memory://b/fixed"],
    ):
        command, *rest = words
        code = run([command, "memory://b/in", *rest])
        heard = capsys.readouterr()
        assert code in (0, 1), (words, heard.err)
        assert str(tmp_path / "temporary") not in heard.out + heard.err
    assert far_tree(memory, "/b/in") == tree(SAMPLE)
    assert run(["info", "memory://b/fixed"]) == 0
    assert run(["info", "memory://b/merged"]) == 0


def test_pictures_at_addresses(
    tmp_path: Path, memory: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for target in ("memory://b/pictures", "pictures"):
        assert run(["render", str(SAMPLE), target, "--kind", "overlay"]) == 0
    assert far_tree(memory, "/b/pictures") == tree(tmp_path / "pictures")
    for code in (0, 5):  # the second time it is there
        assert run(["stats", str(SAMPLE), "--plot", "memory://b/x.svg", "--quiet"]) == code
    assert memory.cat_file("/b/x.svg").startswith(b"<?xml")
    assert run(["view", str(SAMPLE), "--out", "memory://b/x.html"]) == 2
    assert "written to disk only" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pictures", "temporary"]


def test_data_sets_at_addresses(memory: Any) -> None:
    put(memory, tree(SAMPLE), "/b/in")
    with dl.open_dataset("memory://b/in", on_error="skip") as found:
        assert sum(1 for _ in found) == sum(1 for _ in found) == 5
        assert "memory://b/in" in repr(found)
        found.write("memory://b/out", format="yolo")
    with dl.open_dataset(Path("memory://b/out")) as found:
        assert sum(1 for _ in found) == 5


def test_options_that_are_addresses(
    data_sets: dict[str, Path], tmp_path: Path, memory: Any
) -> None:
    folder = tmp_path / "set"
    (folder / "labels").mkdir(parents=True)
    (folder / "labels" / "a.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    picture = (SAMPLE / "images" / "sign.png").read_bytes()
    memory.pipe_file("/b/images/a.png", picture)
    memory.pipe_file("/b/names.txt", b"cat\n")
    report = dl.convert(
        folder / "labels",
        tmp_path / "o.json",
        images="memory://b/images",
        names="memory://b/names.txt",
    )
    assert report.written == 1
    content = json.loads((tmp_path / "o.json").read_text("utf-8"))
    assert content["images"][0]["width"] == 96
    assert content["categories"][0]["name"] == "cat"


@pytest.mark.parametrize("more", [{"sidecar": True}, {"workers": 2}], ids=["sidecar", "workers"])
@pytest.mark.parametrize("target", ["out", "out.json"])
def test_what_reads_its_own_output_is_as_on_disk(
    target: str, more: dict[str, Any], tmp_path: Path, memory: Any
) -> None:
    form = "coco" if target.endswith(".json") else "yolo"
    start: dict[str, Any] = {"to_format": form, "on_error": "skip"}
    dl.convert(SAMPLE, tmp_path / "here" / target, **start, **more)
    dl.convert(SAMPLE, f"memory://b/there/{target}", **start, **more)
    assert far_tree(memory, "/b/there") == tree(tmp_path / "here")
    dl.convert(f"memory://b/there/{target}", "memory://b/back", to_format="coco", on_error="skip")
    dl.convert(tmp_path / "here" / target, tmp_path / "back", to_format="coco", on_error="skip")
    assert far_tree(memory, "/b/back") == tree(tmp_path / "back")
    # What is replaced takes its sidecar along.
    dl.convert(SAMPLE, f"memory://b/there/{target}", **start, overwrite=True)
    dl.convert(SAMPLE, tmp_path / "here" / target, **start, overwrite=True)
    assert far_tree(memory, "/b/there") == tree(tmp_path / "here")


# -- a store ------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["coco", "yolo", "voc"])
def test_folders_of_a_store_are_as_on_disk(
    form: str, data_sets: dict[str, Path], tmp_path: Path, store: Any
) -> None:
    more: dict[str, Any] = {"to_format": form, "image_files": "copy", "on_error": "skip"}
    dl.convert(SAMPLE, tmp_path / "here", **more)
    dl.convert(SAMPLE, "s3://data/a/there", **more)
    assert far_tree(store, "data/a/there") == tree(tmp_path / "here")
    more["to_format"] = "yolo" if form == "coco" else "coco"
    dl.convert(tmp_path / "here", tmp_path / "back", **more)
    dl.convert("s3://data/a/there", "s3://data/b", **more)
    assert far_tree(store, "data/b") == tree(tmp_path / "back")


@pytest.mark.parametrize("ending", [".json", ".json.gz"])
def test_single_files_of_a_store(ending: str, tmp_path: Path, store: Any) -> None:
    dl.convert(SAMPLE, tmp_path / f"x{ending}", on_error="skip")
    dl.convert(SAMPLE, f"s3://data/x{ending}", on_error="skip", report="s3://data/r.json")
    assert store.cat_file(f"data/x{ending}") == (tmp_path / f"x{ending}").read_bytes()
    assert json.loads(store.cat_file("data/r.json"))["target"] == f"s3://data/x{ending}"
    with dl.open_dataset(f"s3://data/x{ending}") as found:
        assert sum(1 for _ in found) == 5


def test_a_large_file_goes_out_in_parts(
    tmp_path: Path, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dlgeom.converters.remote.writing._PART", 5 << 20)
    source = tmp_path / "big.json"
    source.write_text(big_coco(100_000))
    dl.convert(source, tmp_path / "here.json")
    assert (tmp_path / "here.json").stat().st_size > 11 << 20
    dl.convert(source, "s3://data/there.json")
    info = store.info("data/there.json")
    assert info["ETag"].strip('"').endswith(("-2", "-3", "-4"))
    assert store.cat_file("data/there.json") == (tmp_path / "here.json").read_bytes()
    # A run that fails after parts went out leaves nothing, not even those parts.
    source.write_text(big_coco(100_000)[:-3] + ', {"id": 1')
    with pytest.raises(DlgeomError):
        dl.convert(source, "s3://data/half.json")
    assert not store.exists("data/half.json")
    assert "Uploads" not in store.call_s3("list_multipart_uploads", Bucket="data")


def big_coco(count: int) -> str:
    rows = ",".join(
        f'{{"id":{n},"image_id":1,"category_id":1,"bbox":[1.25,2.5,{n % 50}.125,30],"area":99.5,'
        f'"iscrowd":0,"segmentation":[[1.5,2,30,2.25,30,40,{n % 40}.5,33,1,20.75]]}}'
        for n in range(1, count)
    )
    return (
        '{"images":[{"id":1,"file_name":"a.jpg","width":100,"height":100}],'
        f'"categories":[{{"id":1,"name":"a"}}],"annotations":[{rows}]}}'
    )


def test_what_is_there_is_not_replaced_unasked(tmp_path: Path, store: Any) -> None:
    store.pipe_file("data/x.json", b"mine")
    store.pipe_file("data/folder/mine.txt", b"mine")
    before = far_tree(store, "data")
    for target, more in (("s3://data/x.json", {}), ("s3://data/folder", {"to_format": "yolo"})):
        with pytest.raises(OutputError, match="exists") as caught:
            dl.convert(SAMPLE, target, on_error="skip", **more)
        assert caught.value.code == "output.exists"
    with pytest.raises(OutputError, match="is a file"):
        dl.convert(SAMPLE, "s3://data/x.json", to_format="yolo", on_error="skip")
    store.pipe_file("data/folder.json/x", b"mine")
    with pytest.raises(OutputError, match="is a folder"):
        dl.convert(SAMPLE, "s3://data/folder.json", on_error="skip")
    store.rm_file("data/folder.json/x")
    assert far_tree(store, "data") == before
    dl.convert(SAMPLE, "s3://data/x.json", on_error="skip", overwrite=True)
    dl.convert(SAMPLE, "s3://data/folder", to_format="yolo", on_error="skip", overwrite=True)
    after = far_tree(store, "data")
    assert after["folder/mine.txt"] == b"mine"
    assert after["x.json"] != b"mine"
    dl.convert(SAMPLE, "s3://data/dry", to_format="yolo", on_error="skip", dry_run=True)
    assert far_tree(store, "data") == after


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_failing_upload_leaves_nothing(
    count: int, tmp_path: Path, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dlgeom.converters.remote.writing._BATCH_FILES", 2)
    store.pipe_file("data/out/mine.txt", b"mine")
    calls = []
    real = type(store)._pipe_file

    async def failing(self: Any, path: str, data: bytes, **more: Any) -> Any:
        calls.append(path)
        if len(calls) > 2 * count:
            raise OSError(f"no more: {SECRET} https://me:{SECRET}@host/x?X-Amz-Signature={SECRET}")
        return await real(self, path, data, **more)

    monkeypatch.setattr(type(store), "_pipe_file", failing)
    with pytest.raises(OutputError) as caught:
        dl.convert(SAMPLE, "s3://data/out", to_format="yolo", on_error="skip", overwrite=True)
    monkeypatch.undo()
    assert f"{SECRET}@" not in str(caught.value)
    assert f"={SECRET}" not in str(caught.value)
    fresh = fsspec.filesystem("s3", key="me", secret=SECRET, endpoint_url=store.endpoint_url)
    fresh.invalidate_cache()
    assert sorted(fresh.find("data")) == ["data/out/mine.txt"]


def test_a_bad_record_takes_back_what_was_written(
    data_sets: dict[str, Path], tmp_path: Path, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dlgeom.converters.remote.writing._BATCH_FILES", 1)
    files = tree(data_sets["voc"])
    last = max(name for name in files if name.endswith(".xml"))
    files[last] = b"<annotation><object></annotation>"
    put(store, files, "data/in")
    with pytest.raises(DlgeomError) as caught:
        dl.convert("s3://data/in", "s3://data/out", to_format="yolo")
    assert f"s3://data/in/{last}" in str(caught.value)
    assert not store.exists("data/out")


def test_missing_buckets_and_keys(tmp_path: Path, store: Any) -> None:
    cases: list[tuple[Callable[[], Any], str]] = [
        (lambda: dl.convert(SAMPLE, "s3://nothing-here/x.json", on_error="skip"), "no such bucket"),
        (lambda: dl.convert("s3://nothing-here/x.json", tmp_path / "o.json"), "no such file"),
        (lambda: dl.convert("s3://data/nothing.json", tmp_path / "o.json"), "no such file"),
        (lambda: dl.open_dataset("s3://data/nothing/"), "no such file"),
    ]
    for call, words in cases:
        with pytest.raises(OutputError, match=words):
            call()


def test_an_archive_in_a_store_is_read_in_pieces(tmp_path: Path, store: Any) -> None:
    files = tree(SAMPLE)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        for name, data in files.items():
            file.writestr(name, data)
        file.writestr("images/large.png", bytes(30 << 20))
    store.pipe_file("data/a.zip", target.getvalue())
    dl.convert(
        "s3://data/a.zip", tmp_path / "one", to_format="yolo", image_files="copy", on_error="skip"
    )
    dl.convert(
        "zip://annotations/instances_train.json::s3://data/a.zip",
        tmp_path / "two",
        to_format="yolo",
        image_files="copy",
        on_error="skip",
    )
    dl.convert(SAMPLE, tmp_path / "three", to_format="yolo", image_files="copy", on_error="skip")
    assert tree(tmp_path / "one") == tree(tmp_path / "two") == tree(tmp_path / "three")


def test_no_secret_is_told(
    tmp_path: Path, store: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        fsspec.config.conf,
        "s3",
        {
            "key": "me",
            "secret": SECRET,
            "endpoint_url": "http://127.0.0.1:9",
            "config_kwargs": {"retries": {"max_attempts": 0}},
        },
    )
    assert run(["info", "s3://data/x.json"]) == 5
    assert run(["convert", str(SAMPLE), f"https://me:{SECRET}@host/x.json"]) == 2
    assert run(["info", f"http://me:{SECRET}@127.0.0.1:9/x.json?token={SECRET}"]) == 5
    heard = capsys.readouterr()
    assert SECRET not in heard.out + heard.err


# -- zips, chains, the web ----------------------------------------------------------------------


def zipped(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        for name, data in files.items():
            file.writestr(name, data)
    return target.getvalue()


def test_zips_are_read_and_never_written(tmp_path: Path, memory: Any) -> None:
    data = zipped({f"sets/one/{name}": data for name, data in tree(SAMPLE).items()})
    memory.pipe_file("/b/a.zip", data)
    (tmp_path / "a.zip").write_bytes(data)
    dl.convert(SAMPLE, tmp_path / "same", to_format="yolo", image_files="copy", on_error="skip")
    for number, source in enumerate(
        (
            "zip://sets/one::memory://b/a.zip",
            f"zip://sets/one::{tmp_path / 'a.zip'}",
            f"zip://sets/one::file://{tmp_path / 'a.zip'}",
            f"file://{tmp_path / 'a.zip'}",
            "memory://b/a.zip",
        )
    ):
        dl.convert(
            source, tmp_path / str(number), to_format="yolo", image_files="copy", on_error="skip"
        )
        assert tree(tmp_path / str(number)) == tree(tmp_path / "same"), source
    for target in ("zip://x::memory://b/new.zip", "zip://new", f"zip://x::file://{tmp_path}/n.zip"):
        with pytest.raises(UsageError, match="read only"):
            dl.convert(SAMPLE, target, to_format="yolo", on_error="skip")
    assert sorted(memory.find("/b")) == ["/b/a.zip"]
    with pytest.raises(OutputError, match=r"memory://b/a\.zip/sets/two: no such file"):
        dl.convert("zip://sets/two::memory://b/a.zip", tmp_path / "x", to_format="yolo")


def test_file_addresses_are_paths(tmp_path: Path) -> None:
    dl.convert(f"file://{SAMPLE}", f"file://{tmp_path}/one.json", on_error="skip")
    dl.convert(SAMPLE, tmp_path / "two.json", on_error="skip")
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    with dl.open_dataset(Path(f"file://{SAMPLE}"), on_error="skip") as found:
        assert sum(1 for _ in found) == 5


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_the_web_is_read(tmp_path: Path) -> None:
    text = (SAMPLE / "annotations" / "instances_train.json").read_bytes()
    folder = tmp_path / "www"
    folder.mkdir()
    (folder / "x.json").write_bytes(text)
    (folder / "y.json.gz").write_bytes(gzip.compress(text))
    (folder / "z.zip").write_bytes(zipped({"x.json": text}))
    web = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=web.serve_forever, daemon=True).start()
    start = f"http://127.0.0.1:{web.server_address[1]}"
    dl.convert(folder / "x.json", tmp_path / "same.json", on_error="skip")
    try:
        for name in ("x.json", "x.json?token=a/b", "y.json.gz"):
            dl.convert(f"{start}/{name}", tmp_path / "o.json", on_error="skip", overwrite=True)
            assert (tmp_path / "o.json").read_bytes() == (tmp_path / "same.json").read_bytes()
        with pytest.raises(OutputError, match="no such file"):
            dl.convert(f"{start}/nothing.json", tmp_path / "n.json")
    finally:
        web.shutdown()
        web.server_close()


# -- what is refused ----------------------------------------------------------------------------


def test_names_in_stores_are_checked(tmp_path: Path, memory: Any) -> None:
    put(memory, tree(SAMPLE), "/b/in")
    memory.store["/b/in/a\nb.txt"] = memory.store["/b/in/annotations/instances_train.json"]
    with pytest.raises(DlgeomError) as caught:
        dl.convert("memory://b/in", tmp_path / "o", to_format="yolo")
    assert caught.value.code == "path.invalid"


def test_limits_hold_for_what_is_fetched(tmp_path: Path, memory: Any) -> None:
    put(memory, tree(SAMPLE), "/b/in")
    for limits, code, source in (
        ({"zip_bytes": 100}, "limit.bytes", "memory://b/in"),
        ({"zip_entries": 3}, "limit.entries", "memory://b/in"),
        ({"file_bytes": 100}, "limit.bytes", "memory://b/in/annotations/instances_train.json"),
    ):
        with pytest.raises(LimitError) as caught:
            dl.convert(
                source,
                tmp_path / "o",
                to_format="yolo",
                from_format="coco",
                limits=DEFAULT_LIMITS.replace(**limits),
            )
        assert caught.value.code == code


def test_unknown_schemes_say_what_was_meant(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"scheme 's4'.*Did you mean 's3'"):
        dl.convert("s4://bucket/x.json", tmp_path / "o.json")
    with pytest.raises(UsageError, match=r"scheme 'memry'.*Did you mean 'memory'"):
        dl.convert(SAMPLE, "memry://bucket/x.json")
    with pytest.raises(UsageError, match="names no file"):
        dl.convert(SAMPLE, "memory://", to_format="yolo")
    with pytest.raises(UsageError, match="--resume"):
        dl.convert(SAMPLE, "memory://b/x", to_format="yolo", resume=True)


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    for call in (
        lambda: dl.convert("s3://bucket/x.json", tmp_path / "o.json"),
        lambda: dl.convert(SAMPLE, "s3://bucket/x.json"),
    ):
        with pytest.raises(MissingDependencyError, match=r"dlgeom\[remote\]"):
            call()


def test_a_target_that_is_the_source_is_refused(memory: Any) -> None:
    put(memory, tree(SAMPLE), "/b/in")
    before = far_tree(memory, "/b/in")
    for target in ("memory://b/in", "memory://b"):
        with pytest.raises(OutputError) as caught:
            dl.convert("memory://b/in", target, to_format="yolo", overwrite=True)
        assert caught.value.code == "output.overlaps_input"
    assert far_tree(memory, "/b/in") == before


def test_what_is_an_address() -> None:
    assert url_of("C:/data/x.json") is None
    assert url_of("C:\\data\\x.json") is None
    assert url_of("a:/b") is None
    assert url_of("data/a::b.json") is None
    assert url_of(Path("simplecache::s3://b/x")) == "simplecache::s3://b/x"
    assert url_of(Path("zip://a/b.json::s3://c/d.zip")) == "zip://a/b.json::s3://c/d.zip"
    assert url_of(Path("file:///a/b")) == "file:///a/b"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://bucket/a@b?c.json", "s3://bucket/a@b?c.json"),
        ("sftp://me:pw@host/x", "sftp://host/x"),
        ("https://h/x?sig=1#a", "https://h/x"),
        ("zip://a::https://u:p@h/x.zip?sig=1", "zip://a::https://h/x.zip"),
    ],
)
def test_addresses_are_shown_without_secrets(url: str, shown: str) -> None:
    assert shown_url(url) == shown


def test_local_runs_load_nothing_of_it(tmp_path: Path) -> None:
    code = (
        "import sys, dlgeom as dl\n"
        f"dl.convert({str(SAMPLE)!r}, {str(tmp_path / 'o')!r}, to_format='yolo', on_error='skip')\n"
        "print([m for m in sys.modules if m.split('.')[0] in"
        " ('fsspec', 's3fs', 'aiohttp', 'zipfile', 'tarfile')"
        " or 'converters.remote' in m or 'archives.zips' in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
