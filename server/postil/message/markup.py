"""HTML reduced to the text a reader would see, for search and previews.

No renderer and no sanitiser: tags go, entities are decoded, scripts and style sheets are left out.
One pass with `find`; what is not closed hides the rest, as in a browser.
"""

from __future__ import annotations

import html
import re
from collections.abc import Generator

_HIDDEN = ("script", "style", "head", "title", "template")
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "blockquote",
        "br",
        "dd",
        "div",
        "dl",
        "dt",
        "figure",
        "footer",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "nav",
        "ol",
        "option",
        "p",
        "pre",
        "section",
        "table",
        "td",
        "th",
        "tr",
        "ul",
    ]
)
_TAGS_AT_ONCE = 1000
_TAG_NAME = re.compile(r"/?([A-Za-z][A-Za-z0-9]*)")


def strip_html(text: str) -> str:
    """The visible text; block elements become line breaks."""
    steps = strip_html_steps(text)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            whole: str = stop.value
            return whole


def strip_html_steps(text: str) -> Generator[None, None, str]:
    """The same in slices of a few milliseconds."""
    lowered = text.lower()
    if len(lowered) != len(text):  # a few characters grow in lower case; offsets would shift
        lowered = text
    kept: list[str] = []
    position = 0
    head_ends = True
    count = 0
    while True:
        count += 1
        if count % _TAGS_AT_ONCE == 0:
            yield
        opening = text.find("<", position)
        if opening < 0:
            kept.append(text[position:])
            break
        kept.append(text[position:opening])
        if text.startswith("<!--", opening):
            closing = text.find("-->", opening + 4)
            if closing < 0:
                break
            position = closing + 3
            continue
        name = _TAG_NAME.match(text, opening + 1)
        if name is None and text[opening + 1 : opening + 2] not in ("!", "?", "/"):
            kept.append("<")  # a less-than sign in the text
            position = opening + 1
            continue
        closing = text.find(">", opening)
        if closing < 0:
            break
        position = closing + 1
        if name is None:
            continue
        tag = name[1].lower()
        if tag in _BLOCKS:
            kept.append("\n")
        if tag not in _HIDDEN or text[opening + 1] == "/" or (tag == "head" and not head_ends):
            continue
        end = lowered.find(f"</{tag}", position)
        if end >= 0:
            position = end
        elif tag == "head":
            # It would hide the message: browsers end it where the body begins. Not searched for
            # again, which keeps a thousand of them linear.
            head_ends = False
        else:
            break
    return html.unescape("".join(kept)).replace("\xa0", " ")
