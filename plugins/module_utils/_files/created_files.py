# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which entries module ``files`` adds to the list of created things, and which files on it are no longer wanted."""

from __future__ import annotations

import os
import typing as t

from . import created, layout

Item = dict[str, t.Any]


def entries(
    items: list[Item],
    changes: t.Iterable[layout.Change],
    listed: t.Container[created.Key],
    exists: t.Callable[[str], bool] = os.path.lexists,
) -> list[created.Entry]:
    """What the changes create, in the order in which they create it, and the new content of what they created once."""
    by_path = {item["path"]: item for item in items}
    found = []
    for change in changes:
        node, item = change.wanted, by_path.get(change.path, {})
        if node is None:
            continue
        kind = "directory" if node.content is None else "file"
        if change.seen is None:
            found += [created.entry("directory", folder) for folder in created.parents(change.path, exists)]
        if change.seen is None or (kind, change.path) in listed:
            content = "" if node.content is None else created.digest(node.content)
            found.append(created.entry(kind, change.path, part=item.get("part", ""), sha256=content))
    blocks = [item for item in items if item.get("block")]
    # A block carries our name, so it is ours also where it was there before.
    return found + [
        created.entry("block", item["path"], part=item.get("part", ""), marker=item["marker"]) for item in blocks
    ]


def unwanted(
    listed: t.Iterable[created.Entry], parts: t.Container[str], items: t.Iterable[Item]
) -> list[created.Entry]:
    """Files and blocks that an earlier run created for one of ``parts`` and that are not asked for any more."""
    wanted = {(("block" if item.get("block") is not None else "file"), item["path"]) for item in items}
    return [
        item
        for item in listed
        if item["kind"] in ("file", "block") and item.get("part") in parts and created.key(item) not in wanted
    ]


def obsolete(item: created.Entry, seen: layout.Node | None) -> layout.Change | None:
    """How an entry that is not wanted any more goes. A file that somebody has changed since stays as it is."""
    if seen is None or seen.content is None:
        return None
    if item["kind"] == "file":
        unchanged = created.digest(seen.content) == item.get("sha256")
        return layout.Change(seen, None) if unchanged else None
    old = seen.content.decode("utf-8", layout.AS_IT_IS)
    new = layout.block(old, item["marker"], "").encode("utf-8", layout.AS_IT_IS)
    rest = layout.Node(seen.path, None, None, None, new, secret=True)
    return layout.Change(seen, rest) if new != seen.content else None


def exclusive(items: list[Item]) -> list[str]:
    """The files that lie in a directory of which everything else should go."""
    wanted = {item["path"] for item in items}
    found = []
    for folder in (item["path"] for item in items if item.get("exclusive") and os.path.isdir(item["path"])):
        paths = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
        found += [path for path in paths if path not in wanted and os.path.isfile(path)]
    return found
