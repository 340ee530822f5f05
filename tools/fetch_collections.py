"""Put the collections of requirements/collections.yml under .ansible/collections.

From Galaxy where it answers, else unpacked from the PyPI package "ansible", which carries the same releases.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import tempfile
import urllib.request
import zipfile

import yaml

BUNDLE = "ansible==12.3.0"
ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = ROOT / ".ansible" / "collections"


def installed(name: str) -> str | None:
    """The version under .ansible/collections, None when it is not there."""
    manifest = TARGET / "ansible_collections" / name.replace(".", "/") / "MANIFEST.json"
    return json.loads(manifest.read_text())["collection_info"]["version"] if manifest.exists() else None


def galaxy_answers() -> bool:
    """Ask once and briefly: ansible-galaxy itself would try for minutes."""
    try:
        with urllib.request.urlopen("https://galaxy.ansible.com/api/", timeout=5):
            return True
    except OSError:
        return False


def from_galaxy(wanted: pathlib.Path) -> None:
    """Install with Ansible's own client."""
    galaxy = [sys.executable, "-m", "ansible", "galaxy", "collection", "install", "--no-deps"]
    subprocess.run([*galaxy, "-r", wanted, "-p", TARGET], check=True)


def from_pypi(names: list[str]) -> None:
    """Unpack only the wanted collections of the wheel; the wheel itself is never installed."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--only-binary", ":all:", "-d", folder, BUNDLE], check=True)
        prefixes = tuple(f"ansible_collections/{name.replace('.', '/')}/" for name in names)
        with zipfile.ZipFile(next(pathlib.Path(folder).glob("*.whl"))) as wheel:
            wheel.extractall(TARGET, [entry for entry in wheel.namelist() if entry.startswith(prefixes)])


def main() -> None:
    """Install what is missing; say when a version differs from the pin."""
    wanted_file = ROOT / "requirements" / "collections.yml"
    pins = {entry["name"]: entry["version"] for entry in yaml.safe_load(wanted_file.read_text())["collections"]}
    if any(installed(name) != version for name, version in pins.items()):
        TARGET.mkdir(parents=True, exist_ok=True)
        if galaxy_answers():
            from_galaxy(wanted_file)
        else:
            from_pypi(list(pins))
    wrong = {name: installed(name) for name, version in pins.items() if installed(name) != version}
    if wrong:
        sys.exit(f"These collections are not what requirements/collections.yml pins: {wrong}")


if __name__ == "__main__":
    main()
