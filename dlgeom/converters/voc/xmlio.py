"""XML the careful way: parsing that fetches and expands nothing, text that is always escaped.

Reliability page, section 6: no entities, no DTD, no network, limits on size, depth and text.
lxml is the judge of what is well formed; it is loaded only where a file is unusual.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Any

from dlgeom.errors import FormatError, LimitError
from dlgeom.item import Item
from dlgeom.limits import Limits

if TYPE_CHECKING:
    from lxml.etree import _Element, _ElementTree

__all__ = [
    "Element",
    "VocItem",
    "check_doctype",
    "check_tree",
    "escape",
    "gather",
    "parse",
    "serialise",
    "syntax_error",
    "text_of",
    "to_value",
    "value_text",
]

Element = Any
"""An element of lxml, which is imported only where a file needs it."""

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_SPECIAL = re.compile("[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_DECLARED = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_TAG = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


class VocItem(Item, eq=True):
    """An item with what its XML says besides the objects, so that the way back is exact.

    Parameters
    ----------
    stem : str
        Name of its XML and its masks without their endings, which may be another than that of
        the image.
    head : str
        The start tag of the root and all that stands before the first object.
    tail : str
        What stands after it, objects left out.
    """

    stem: str = ""
    head: str = ""
    tail: str = ""


def escape(text: str) -> str:
    """Return text for an element, escaped.

    Raises
    ------
    FormatError
        ``text.control`` for characters that XML 1.0 (section 2.2) cannot hold.
    """
    if not _SPECIAL.search(text):
        return text
    if _FORBIDDEN.search(text):
        raise FormatError(
            f"text {text[:40]!r} has control characters; XML cannot hold them. Rename it",
            code="text.control",
        )
    # A plain carriage return would be read back as a line feed (XML 1.0, section 2.11).
    return (
        text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    )


def _check_encoding(data: bytes, shown: str) -> None:
    """See that a file that is UTF-8, by its word or by default, is."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return
    declared = _DECLARED.match(data.removeprefix(codecs.BOM_UTF8))
    if declared and declared.group(1).lower() not in (b"utf-8", b"utf8"):
        return
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(
            f"is not valid UTF-8 at byte {error.start}; XML is UTF-8 unless it says otherwise. "
            "Save it as UTF-8, or declare its encoding",
            code="encoding.invalid",
            path=shown,
        ) from error


def parse(data: bytes, *, limits: Limits, shown: str) -> tuple[Element, bool]:
    """Parse one XML file.

    Parameters
    ----------
    data : bytes
        The file.
    limits : Limits
        ``depth`` and ``text``.
    shown : str
        Path for messages.

    Returns
    -------
    root : lxml element
        Without comments and processing instructions.
    doctype : bool
        Whether the file has a (harmless) document type.

    Raises
    ------
    FormatError
        ``xml.syntax``, ``xml.entity``, ``xml.namespace``, ``schema.root``,
        ``encoding.invalid``, ``limit.depth``, ``limit.text``.
    """
    from lxml import etree

    _check_encoding(data, shown)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise syntax_error(str(error), data, shown) from error
    except (LookupError, ValueError) as error:
        raise FormatError(
            f"cannot be decoded ({error}). Save it as UTF-8", code="encoding.invalid", path=shown
        ) from error
    doctype = check_doctype(root.getroottree(), shown)
    if root.tag != "annotation":
        _refuse_root(root.tag, shown)
    if len(data) > limits.text:
        _check_text(root, limits, shown)
    return root, doctype


def syntax_error(message: str, data: bytes, shown: str) -> FormatError:
    """Return the error for what the parser says of a file, told by its first bytes."""
    if "excessive depth" in message.lower():
        return LimitError(
            f"is nested too deeply ({message}). Flatten it", code="limit.depth", path=shown
        )
    if b"<!ENTITY" in data.replace(b"\0", b""):
        code = "xml.entity"
    elif "encoding" in message.lower() and "not proper" in message.lower():
        code = "encoding.invalid"
    else:
        code = "xml.syntax"
    return FormatError(
        f"is not well-formed XML ({message}). Correct or export it again", code=code, path=shown
    )


def check_doctype(tree: _ElementTree, shown: str) -> bool:
    """Refuse a document type that changes what the file says."""
    info: Any = tree.docinfo
    dtd = info.internalDTD
    if dtd is None:
        return bool(info.doctype)
    attributes = any(True for element in dtd.iterelements() for _ in element.iterattributes())
    if attributes or any(True for _ in dtd.iterentities()):
        raise FormatError(
            "has a DTD with entities or default attributes; these are never expanded. "
            "Remove the DOCTYPE",
            code="xml.entity",
            path=shown,
        )
    return True


def _refuse_root(tag: object, shown: str) -> None:
    name = str(tag)
    if name.startswith("{"):
        raise FormatError(
            f"root is {name!r}; VOC elements have no namespace. Remove it",
            code="xml.namespace",
            path=shown,
        )
    raise FormatError(
        f"root is <{name[:40]}>; Pascal VOC has <annotation>. Is it another format?",
        code="schema.root",
        path=shown,
    )


def _check_text(root: _Element, limits: Limits, shown: str) -> None:
    for element in root.iter():
        values = [element.text or "", element.tail or "", *map(str, element.attrib.values())]
        longest = max(map(len, values))
        if longest > limits.text:
            limits.check(
                "text",
                longest,
                code="limit.text",
                what=f"length of the text of <{element.tag}>",
                path=shown,
            )


def check_tree(element: Element, *, limits: Limits, shown: str) -> None:
    """Refuse an element that is nested deeper than the limit."""
    level, depth = [element], 1 + sum(1 for _ in element.iterancestors())
    while level:
        if depth > limits.depth:
            limits.check("depth", depth, code="limit.depth", what="depth of elements", path=shown)
        level = [child for parent in level for child in parent]
        depth += 1


def text_of(element: Element) -> str:
    """Return the text of an element without the blanks around it."""
    return (element.text or "").strip(" \t\r\n")


def serialise(element: Element) -> str:
    """Return an element as XML text."""
    from lxml import etree

    return str(etree.tostring(element, encoding="unicode", with_tail=False))


def to_value(element: Element) -> Any:
    """Return what an element says: its text, or its XML where it has more than text."""
    if len(element) == 0 and not element.attrib:
        return element.text or ""
    return {"xml": serialise(element)}


def gather(values: dict[str, Any], key: str, value: Any) -> None:
    """Add a value; a key that repeats gets a list."""
    if key in values:
        before = values[key]
        values[key] = [*(before if isinstance(before, list) else [before]), value]
    else:
        values[key] = value


def value_text(name: str, value: Any) -> str | None:
    """Return the XML of a value that `to_value` gave, None where it cannot be written."""
    if isinstance(value, list):
        texts = [value_text(name, entry) for entry in value]
        return None if None in texts else "".join(text for text in texts if text)
    if isinstance(value, dict):
        return _checked_xml(value)
    if not isinstance(value, (str, int, float, bool)) or not _TAG.fullmatch(name):
        return None
    text = str(int(value)) if isinstance(value, bool) else str(value)
    try:
        return f"<{name}>{escape(text)}</{name}>"
    except FormatError:
        return None


def _checked_xml(value: dict[Any, Any]) -> str | None:
    """Return kept XML after parsing it again: a value may come from anywhere by now."""
    from lxml import etree

    text = value.get("xml")
    if not isinstance(text, str) or len(value) != 1 or "<!" in text or "<?" in text:
        return None
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        return serialise(etree.fromstring(text.encode(), parser))
    except (etree.XMLSyntaxError, ValueError):
        return None
