"""tools/warm: what the hosts of the scenarios do once instead of once per task comes out the same."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import zipfile

WARM = pathlib.Path(__file__).absolute().parents[3] / "tools" / "warm"
IMPORT = """
import sys, zipimport
compiled, calls = zipimport._compile_source, []
zipimport._compile_source = lambda path, source: calls.append(path) or compiled(path, source)
sys.path[:0] = sys.argv[1:3]
import zip_bytecode
zip_bytecode.FOLDER = sys.argv[3]
import sent
print(sent.value, len(calls))
"""


def test_what_comes_in_a_zip_file_is_compiled_once_and_again_when_it_is_another(tmp_path: pathlib.Path) -> None:
    sent, kept = tmp_path / "sent.zip", tmp_path / "kept"

    def imported(value: int) -> str:
        with zipfile.ZipFile(sent, "w") as archive:
            archive.writestr("sent.py", f"value = {value}\n")
        command = [sys.executable, "-c", IMPORT, str(WARM), str(sent), str(kept)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    # Nowhere to keep it: Python compiles it twice for one import.
    assert imported(1) == "1 2"
    kept.mkdir()
    assert [imported(1), imported(1), imported(2), imported(1)] == ["1 1", "1 0", "2 1", "1 0"]
    for file in kept.iterdir():
        file.write_bytes(b"torn")
    assert imported(2) == "2 1"
