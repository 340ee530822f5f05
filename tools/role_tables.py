#!/usr/bin/env python3
"""role_tables.py [--check]: writes the table of variables into each role's README from its argument_specs.yml."""

from __future__ import annotations

import json
import pathlib
import re
import sys
import typing as t

import yaml

ROOT = pathlib.Path(__file__).absolute().parents[1]
BEGIN, END = "<!-- Variables: written by tools/role_tables.py -->\n", "<!-- End of variables -->\n"


def plain(text: t.Any) -> str:
    """A description without Ansible's markup, as one cell of a table."""
    joined = " ".join(text) if isinstance(text, list) else str(text)
    joined = re.sub(r"\b[MP]\(([^)#]+)(?:#\w+)?\)", r"`\1`", joined)
    return re.sub(r"\b[COVFER]+\(([^)]*)\)", r"`\1`", joined).replace("|", "\\|").strip()


def kind(option: t.Mapping[str, t.Any]) -> str:
    """The type, and what a list is made of."""
    found = option.get("type", "str")
    return f"{found} of {option['elements']}" if "elements" in option else found


def value(option: t.Mapping[str, t.Any]) -> str:
    """The default, or that there is none."""
    if option.get("required"):
        return "**required**"
    if "default" not in option:
        return ""
    return f"`{json.dumps(option['default'], ensure_ascii=False)}`"


def table(options: t.Mapping[str, t.Any]) -> str:
    """One row per option."""
    rows = [
        f"| `{name}` | {kind(option)} | {value(option)} | {plain(option.get('description', ''))} |"
        for name, option in options.items()
    ]
    return "\n".join(["", "| variable | type | default | meaning |", "| --- | --- | --- | --- |", *rows, ""])


def tables(role: pathlib.Path) -> str:
    """Everything between the two marks."""
    specs = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    options: dict[str, t.Any] = specs["main"].get("options", {})
    own = {name: option for name, option in options.items() if not name.startswith("taskstack_")}
    shared = [
        f"`{name}`" + (" (required)" if option.get("required") else "")
        for name, option in options.items()
        if name not in own
    ]
    text = table(own) if own else ""
    for name, option in own.items():
        if "options" in option:
            text += f"\nOptions of each entry of `{name}`:\n{table(option['options'])}"
    if shared:
        text += f"\nVariables of the whole stack that the role reads: {', '.join(shared)}.\n"
    return text + "\n"


def main() -> int:
    """Write the tables, or with --check name the files that are not current."""
    stale = []
    for role in sorted(path for path in (ROOT / "roles").iterdir() if (path / "meta" / "argument_specs.yml").exists()):
        readme = role / "README.md"
        text = readme.read_text()
        if BEGIN not in text:
            text = text.rstrip("\n") + f"\n\n## Variables\n\n{BEGIN}{END}"
        before, _, rest = text.partition(BEGIN)
        new = before + BEGIN + tables(role) + END + rest.partition(END)[2]
        if new != readme.read_text():
            stale.append(str(readme.relative_to(ROOT)))
            if "--check" not in sys.argv:
                readme.write_text(new)
    if stale and "--check" in sys.argv:
        print(f"Not current: {', '.join(stale)}. Run tools/role_tables.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
