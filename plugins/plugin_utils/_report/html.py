# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The few pieces of HTML that the status page is made of. Pure."""

from __future__ import annotations

import base64
import hashlib
import typing as t
from html import escape

from . import words
from .looks import SCRIPT, STYLE

ICONS = {
    "good": "\N{CHECK MARK}",
    "busy": "\N{BLACK RIGHT-POINTING TRIANGLE}",
    "odd": "~",
    "bad": "\N{MULTIPLICATION X}",
    "calm": "\N{MIDDLE DOT}",
}
NUMBERS = ("Waiting", "Unacknowledged", "Consumers", "Active", "Reserved", "Scheduled", "Done", "Up for", "Runtime")
Row = tuple[str, list[str]]


def document(title: str, body: str, refresh: int) -> str:
    """The whole page."""
    # Nothing but this style and this script may run or load, whatever a task or a queue is called.
    policy = f"default-src 'none'; img-src data:; style-src {_digest(STYLE)}; script-src {_digest(SCRIPT)}"
    again = f'<meta http-equiv="refresh" content="{refresh}">\n' if refresh else ""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n{again}'
        f'<link rel="icon" href="data:,">\n<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n'
        f"{body}\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def pill(word: str, mark: str | None = None) -> str:
    """A word with its colour and, since colour alone tells nothing to many, its sign."""
    mark = mark or words.mark(word)
    sign = "?" if word == "unknown" else ICONS[mark]
    return f'<span class="state {mark}"><span aria-hidden="true">{sign}</span>{escape(word)}</span>'


def table(anchor: str, title: str, heads: t.Sequence[str], rows: t.Sequence[Row], total: int = 0) -> str:
    """A section with a table; nothing without rows. A row is its attributes and its cells, escaped already."""
    if not rows:
        return ""
    kinds = [' class="number"' if head in NUMBERS else "" for head in heads]
    # On a phone each cell stands on a line of its own, behind its head.
    names = [f' data-head="{head}"' if head else "" for head in heads]
    head = "".join(f'<th scope="col"{kind}>{text}</th>' for text, kind in zip(heads, kinds))
    lines = []
    for attributes, (first, *cells) in rows:
        rest = "".join(f"<td{kind}{name}>{cell}</td>" for cell, kind, name in zip(cells, kinds[1:], names[1:]))
        lines.append(f'<tr {attributes}><th scope="row">{first}</th>{rest}</tr>')
    more = f" <small>the first {len(rows)} of {total}</small>" if total > len(rows) else ""
    return (
        f'<section id="{anchor}"><h2>{title}{more}</h2><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></section>"
    )
