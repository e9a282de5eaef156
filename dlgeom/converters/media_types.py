"""MIME types by the endings of names: a table of our own.

`mimetypes` of the standard library reads the tables of the machine (``/etc/mime.types``, the
Windows registry) and differs between versions of Python, so that one input would give other bytes
elsewhere; and it holds ``.ts`` for text. Here each machine says the same.
"""

from __future__ import annotations

__all__ = ["guess_type"]

_TYPES = {
    "application": {
        "json": "json geojson ipynb",
        "pdf": "pdf",
        "zip": "zip",
        "gzip": "gz",
        "x-tar": "tar",
        "msword": "doc",
        "vnd.ms-excel": "xls",
        "javascript": "js mjs",
        "rtf": "rtf",
        "x-yaml": "yaml yml",
        "octet-stream": "bin npy npz pcd las laz",
    },
    "audio": {
        "aac": "aac adts",
        "aiff": "aiff aif aifc",
        "amr": "amr",
        "basic": "au snd",
        "flac": "flac",
        "midi": "mid midi",
        "mp4": "m4a",
        "mpeg": "mp3 mp2 mpga",
        "ogg": "oga ogg opus spx",
        "wav": "wav",
        "webm": "weba",
        "x-ms-wma": "wma",
    },
    "image": {
        "avif": "avif",
        "bmp": "bmp dib",
        "gif": "gif",
        "heic": "heic",
        "heif": "heif",
        "jp2": "jp2",
        "jpeg": "jpg jpeg jpe jfif",
        "jxl": "jxl",
        "mpo": "mpo",
        "png": "png apng",
        "svg+xml": "svg",
        "tiff": "tif tiff",
        "vnd.microsoft.icon": "ico",
        "vnd.adobe.photoshop": "psd",
        "webp": "webp",
        "x-adobe-dng": "dng",
        "x-canon-cr2": "cr2",
        "x-nikon-nef": "nef",
        "x-portable-anymap": "pnm",
        "x-portable-bitmap": "pbm",
        "x-portable-floatmap": "pfm",
        "x-portable-graymap": "pgm",
        "x-portable-pixmap": "ppm",
        "x-exr": "exr",
    },
    "text": {
        "css": "css",
        "csv": "csv",
        "html": "html htm",
        "markdown": "md markdown",
        "plain": "txt log text srt",
        "tab-separated-values": "tsv",
        "vtt": "vtt",
        "xml": "xml",
    },
    "video": {
        "3gpp": "3gp 3gpp",
        "3gpp2": "3g2",
        "mp2t": "ts m2ts mts",
        "mp4": "mp4 m4v",
        "mpeg": "mpeg mpg mpe m1v m2v",
        "ogg": "ogv",
        "quicktime": "mov qt",
        "webm": "webm",
        "x-flv": "flv",
        "x-matroska": "mkv",
        "x-ms-wmv": "wmv",
        "x-msvideo": "avi",
    },
}
_BY_ENDING = {
    ending: f"{group}/{name}"
    for group, entries in _TYPES.items()
    for name, endings in entries.items()
    for ending in endings.split()
}


def guess_type(name: str) -> str | None:
    """Return the MIME type that the ending of a name stands for, None if it is not known.

    Examples
    --------
    >>> guess_type("a/b.JPG"), guess_type("clip.ts"), guess_type("b")
    ('image/jpeg', 'video/mp2t', None)
    """
    base = name.rpartition("/")[2]
    return _BY_ENDING.get(base.rpartition(".")[2].lower()) if "." in base else None
