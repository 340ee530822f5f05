"""tools/host-packages: two steps of `make test` may need a Debian package in the same second on a bare machine."""

from __future__ import annotations

import os
import pathlib
import subprocess

ROOT = next(folder for folder in pathlib.Path(__file__).absolute().parents if (folder / "galaxy.yml").exists())

# As apt does: whoever comes while another holds the lists is turned away at once.
APT = """#!/bin/sh
mkdir "$HERE/lists" 2>/dev/null || { echo "E: Could not get lock" >&2; exit 100; }
sleep 0.2
echo "$*" >>"$HERE/calls"
rmdir "$HERE/lists"
"""


def test_those_who_install_at_the_same_time_take_turns(tmp_path: pathlib.Path) -> None:
    for name, text in {"apt-get": APT, "id": "#!/bin/sh\necho 0\n"}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "HERE": str(tmp_path)}
    packages = ["mmdebstrap", "docker.io", "python3-venv"]
    started = [subprocess.Popen([ROOT / "tools" / "host-packages", name], env=environment) for name in packages]
    assert [process.wait() for process in started] == [0, 0, 0]
    installed = [call.split()[-1] for call in (tmp_path / "calls").read_text().splitlines() if "install" in call]
    assert sorted(installed) == sorted(packages)
