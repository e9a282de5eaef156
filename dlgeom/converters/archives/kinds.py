"""Which files are archives, and what lies in them, by their names."""

from __future__ import annotations

import os
from pathlib import Path

from dlgeom.converters.images import IMAGE_SUFFIXES

__all__ = ["archive_ending", "inner_path", "is_archive_name", "is_junk", "is_media"]

_ENDINGS = (
    ".zip",
    ".tar",
    ".tar.gz",
    ".tgz",
    ".tar.bz2",
    ".tbz2",
    ".tbz",
    ".tar.xz",
    ".txz",
    ".tar.zst",
    ".tzst",
)
_OTHERS = (".7z", ".rar", ".jar", ".whl", ".egg", ".apk", ".cab", ".iso", ".tar.lz4", ".tar.lzma")
# What no format has its annotations in. Large, and mostly not needed.
_MEDIA = IMAGE_SUFFIXES | {
    *(".avif", ".exr", ".heif", ".jfif", ".jxl", ".svg", ".psd", ".raw", ".cr2", ".nef", ".arw"),
    *(".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".m2ts", ".ts"),
    *(".webm", ".wmv", ".3gp", ".ogv", ".aac", ".flac", ".m4a", ".mp3", ".ogg", ".opus", ".wav"),
    *(".bin", ".ckpt", ".h5", ".hdf5", ".las", ".laz", ".mat", ".npy", ".npz", ".onnx"),
    *(".parquet", ".pcd", ".pdf", ".pickle", ".pkl", ".ply", ".pt", ".pth", ".record"),
    *(".safetensors", ".tfrecord"),
}


def archive_ending(name: str) -> str:
    """Return the ending of the name of an archive that can be read, "" for any other name.

    Examples
    --------
    >>> archive_ending("a/val.Tar.GZ"), archive_ending("x.json.gz")
    ('.tar.gz', '')
    """
    lower = name.lower()
    return max((end for end in _ENDINGS if lower.endswith(end)), key=len, default="")


def is_archive_name(name: str) -> bool:
    """Whether a name is that of an archive of any kind, also of those that cannot be read."""
    return name.lower().endswith((*_ENDINGS, *_OTHERS))


def is_media(name: str) -> bool:
    """Whether a name is that of an image, a film or other data that holds no annotations."""
    return os.path.splitext(name)[1].lower() in _MEDIA


def is_junk(name: str) -> bool:
    """Whether a member is what macOS adds to archives: forks of files, settings of folders."""
    base = name.rpartition("/")[2]
    return name.startswith("__MACOSX/") or base.startswith("._") or base == ".DS_Store"


def inner_path(path: Path) -> tuple[Path, str] | None:
    """Return the archive in whose name a path goes on, and the path in it; None if there is none.

    That is how messages name a member: ``val.zip/annotations/x.json``.
    """
    for parent in path.parents:
        if archive_ending(parent.name) and parent.is_file():
            return parent, path.relative_to(parent).as_posix()
    return None
