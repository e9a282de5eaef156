"""Addresses: which file system one names, and how messages show it without its secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dlgeom.errors import DlgeomError, MissingDependencyError, OutputError, UsageError
from dlgeom.nearest import near

__all__ = ["base_name", "file_system", "refusing", "scheme_of", "shown_url"]

_USER = re.compile(r"(?<=://)[^/@\s'\"]*@")
_QUERY = re.compile(r"(https?://[^\s'\"?#]*)[?#][^\s'\"]*")
_SECRET = re.compile(
    r"(?i)\b([\w-]*(?:key|token|secret|passw|signature|credential|authorization)[\w-]*)"
    r"([\"']?\s*[=:]\s*[\"']?)[^\s\"',;&]+"
)
_COMMON = ("s3", "gs", "az", "abfs", "http", "https", "memory", "file", "sftp", "zip", "tar", "hf")


def shown_url(url: str) -> str:
    """Return an address for messages: without a password, a signature or a token.

    Examples
    --------
    >>> shown_url("https://me:secret@host/a.json?X-Amz-Signature=abc")
    'https://host/a.json'
    """
    return _QUERY.sub(r"\1", _USER.sub("", url))


def scheme_of(url: str) -> str:
    """Return the name of the file system that an address starts with.

    Examples
    --------
    >>> scheme_of("S3://bucket/a"), scheme_of("zip://a.json::s3://bucket/a.zip")
    ('s3', 'zip')
    """
    return url.partition("::")[0].partition("://")[0].lower()


def base_name(url: str) -> str:
    """Return the last part of the path of an address.

    Examples
    --------
    >>> base_name("https://host/a/b.json?x=1/2"), base_name("s3://bucket/folder/")
    ('b.json', 'folder')
    """
    last = url.rpartition("::")[2] if not url.startswith(("zip", "tar")) else url.partition("::")[0]
    if scheme_of(last) in ("http", "https"):
        last = re.split("[?#]", last, maxsplit=1)[0]
    path = last.partition("://")[2] or last
    return path.rstrip("/").rpartition("/")[2]


def file_system(url: str) -> tuple[Any, str]:
    """Return the file system of an address, and the path in it.

    Its options come from fsspec's own configuration (files in ``~/.config/fsspec``, variables
    ``FSSPEC_...``), and from what the file system itself looks at.

    Raises
    ------
    MissingDependencyError
        If fsspec, or the package of the file system, is not installed.
    UsageError
        For a scheme that nobody knows.
    """
    try:
        import fsspec
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MissingDependencyError(
            f"{shown_url(url)}: addresses need the package fsspec, which is not installed. "
            "Install it with: pip install 'dlgeom[remote]'"
        ) from error
    for part in url.split("::"):
        scheme = part.partition("://")[0].lower()
        try:
            fsspec.get_filesystem_class(scheme)
        except ValueError as error:
            raise UsageError(
                f"{shown_url(url)}: nobody knows the scheme {scheme!r}; known are "
                f"{', '.join(_COMMON)} and others of fsspec.{near(scheme, _COMMON)}"
            ) from error
        except ImportError as error:
            extra = "pip install 'dlgeom[remote]'" if scheme in ("s3", "s3a") else str(error)
            raise MissingDependencyError(
                f"{shown_url(url)}: {scheme}:// needs a package that is not installed. "
                f"Install it: {extra}"
            ) from error
    with refusing(url):
        system, path = url_to_fs(url)
        # What was listed before may have changed.
        system.invalidate_cache()
    return system, str(path)


@contextmanager
def refusing(url: str, name: str = "", *, writing: bool = False) -> Iterator[None]:
    """Turn what a file system raises in the block into an error that names the address.

    Parameters
    ----------
    url : str
        The address.
    name : str
        What is read or written below it.
    writing : bool
        Whether something is written.
    """
    try:
        yield
    except DlgeomError:
        raise
    except Exception as error:  # each file system has its own
        shown = shown_url(url)
        if name:
            shown = f"{shown.rstrip('/')}/{name}"
        raise OutputError(_why(error, writing), code=_code(error, writing), path=shown) from error


def _code(error: Exception, writing: bool) -> str:
    if isinstance(error, PermissionError):
        return "io.permission"
    return "output.invalid" if writing else "io.read"


def _why(error: Exception, writing: bool) -> str:
    name = type(error).__name__
    if isinstance(error, FileNotFoundError):
        missing = "no such bucket or folder" if writing else "no such file or folder"
        return f"{missing}. Check the address"
    if isinstance(error, PermissionError) or "credential" in name.lower():
        return (
            f"access was refused ({name}). Check the credentials, which come from the environment "
            "or the configuration of fsspec"
        )
    if isinstance(error, NotImplementedError):
        return "this file system cannot do that; it may be read only. Choose another one"
    # The text of libraries may hold addresses that were signed, and what they were signed with.
    text = " ".join(_SECRET.sub(r"\1\2***", shown_url(str(error))).split())
    done = "written" if writing else "read"
    return f"cannot be {done} ({name}{': ' if text else ''}{text[:300]}). Check the address"
