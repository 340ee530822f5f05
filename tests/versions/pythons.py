"""The Pythons under test, and what is installed for them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def interpreter(version: str) -> str:
    """A Python of this version, of pyenv or on the path."""
    own = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    found = str(own[-1]) if own else shutil.which(f"python{version}")
    assert found, f"There is no Python {version} on this machine: pyenv install {version}, or leave it out with -k."
    return found


def packages(python: str, name: str, wanted: list[str]) -> Path:
    """Where they are, installed once."""
    folder = ROOT / ".cache/versions" / name
    if not folder.exists():
        draft = folder.with_name(f"{name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        install = [python, "-m", "pip", "install", "-q", "--target", str(draft), *wanted]
        subprocess.run(install, check=True, stderr=subprocess.PIPE)
        # Python 2 finds a namespace package only where its .pth files are read.
        if (draft / "zope").exists():
            (draft / "zope/__init__.py").touch()
        draft.rename(folder)
    return folder
