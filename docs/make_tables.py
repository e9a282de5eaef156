"""Write the tables of the formats' pages from the registry, between their markers.

    python docs/make_tables.py            # writes docs/formats/*.md anew
    python docs/make_tables.py --check    # says which pages are out of date, writes nothing

A table stands between ``<!-- table: NAME -->`` and ``<!-- end of table -->``. ``formats`` is the
list of all formats, ``options NAME`` the options of one.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from dlgeom.converters import registry
from dlgeom.converters.base import Format, Option

PAGES = Path(__file__).parent / "formats"
PLACE = re.compile(r"(<!-- table: ([a-z0-9 _-]+) -->\n).*?(<!-- end of table -->)", re.DOTALL)
USES = {"read": "reading", "write": "writing", "both": "both"}


def cell(text: str) -> str:
    """Return a text that does not break a table."""
    return text.replace("|", r"\|").replace("<", "&lt;").replace("\n", " ")


def row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def value_of(option: Option) -> str:
    if option.default is None:
        return "-"
    return f"`{str(option.default).lower() if option.kind is bool else option.default}`"


def choices_of(option: Option) -> str:
    if option.choices:
        return ", ".join(f"`{choice}`" for choice in option.choices)
    return {"bool": "`true`, `false`", "int": "a number", "str": "text"}.get(
        option.kind.__name__, option.kind.__name__
    )


def options_table(entry: Format) -> str:
    if not entry.options:
        return "None.\n"
    lines = [row("option", "for", "values", "default", "meaning"), row(*["---"] * 5)]
    for option in entry.options:
        flag = f"`--{option.name.replace('_', '-')}`"
        meaning = cell(option.help)
        lines.append(row(flag, USES[option.use], choices_of(option), value_of(option), meaning))
    return "\n".join(lines) + "\n"


def formats_table(entries: list[Format]) -> str:
    lines = [
        row("format", "what", "also called", "sources", "tasks of a target"),
        row(*["---"] * 5),
    ]
    lines += [
        row(
            f"[`{entry.name}`]({entry.name}.md)",
            cell(entry.title),
            ", ".join(f"`{alias}`" for alias in entry.aliases) or "-",
            ", ".join(f"`{pattern}`" for pattern in entry.patterns) or "-",
            ", ".join(f"`{task}`" for task in entry.tasks) or "all at once",
        )
        for entry in entries
    ]
    return "\n".join(lines) + "\n"


def table(name: str) -> str:
    """Return the table of a marker.

    Raises
    ------
    LookupError
        For a marker that names no table, or a format that is not registered.
    """
    own = [entry for entry in registry.formats().values() if (PAGES / f"{entry.name}.md").exists()]
    if name == "formats":
        return formats_table(own)
    kind, _, format_name = name.partition(" ")
    if kind != "options":
        raise LookupError(f"no table {name!r}; there are 'formats' and 'options NAME'")
    return options_table(registry.find_format(format_name))


def renewed(text: str) -> str:
    """Return a page with its tables made anew."""
    return PLACE.sub(lambda found: f"{found[1]}\n{table(found[2])}\n{found[3]}", text)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if out of date")
    check = parser.parse_args().check
    stale = 0
    for page in sorted(PAGES.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        fresh = renewed(text)
        if fresh != text:
            stale += 1
            print(f"{page.name}: {'out of date' if check else 'written'}")
            if not check:
                page.write_text(fresh, encoding="utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
