"""HTML and SVG elements whose content is escaped unless it is markup already."""

from __future__ import annotations

from html import escape


class Markup(str):
    """Text that is HTML; everything else is escaped on its way into an element."""

    __slots__ = ()


_VOID = frozenset({"meta", "br", "hr"})


def tag(name: str, /, *children: str | float | None, **attributes: str | float | None) -> Markup:
    """An element; `class_` becomes class, `font_size` font-size. None as child or attribute is left out."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_text(value), quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(*children)}</{name}>")


def join(*children: str | float | None) -> Markup:
    """Children in a row, escaped where they are no markup."""
    return Markup(
        "".join(
            child if isinstance(child, Markup) else escape(_text(child), quote=False)
            for child in children
            if child is not None
        )
    )


def _text(value: str | float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def table(heads: tuple[str, ...], rows: list[tuple[str | float | None, ...]], class_: str = "") -> Markup:
    """A table with one header row; cells may be markup."""
    head = tag("tr", *(tag("th", text) for text in heads))
    body = [tag("tr", *(tag("td", cell) for cell in row)) for row in rows]
    return tag(
        "div", tag("table", tag("thead", head), tag("tbody", *body), class_=class_ or None), class_="scroll"
    )


def badge(text: str, kind: str) -> Markup:
    """A small coloured word: kind is good, warn, bad, idle or note."""
    return tag("span", text, class_=f"badge {kind}")


def section(title: str, *content: str | None, note: str = "", anchor: str = "") -> Markup:
    """A titled part of the page."""
    words = tag("p", note, class_="note") if note else None
    return tag("section", tag("h2", title), words, *content, id=anchor or None)
