# Copyright (c) 2026 the taskstack.celery authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TLS server that notes what its clients say once they trust it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
import typing as t
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[3] / "molecule" / "broker" / "files" / "certificates.sh"


def certificate(folder: Path, names: str) -> Path:
    """A certificate for these names, with its key beside it; its authority is ca.pem of that folder."""
    subprocess.run(["sh", SCRIPT, folder, "broker", names], check=True)
    return folder / "broker.pem"


@contextlib.contextmanager
def served(chain: Path) -> t.Iterator[tuple[int, list[bytes]]]:
    """The port, and the first four bytes of everybody who sent some."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, chain.with_suffix(".key"))
    heard: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = listener.accept()[0]
                with client, contextlib.suppress(OSError), context.wrap_socket(client, server_side=True) as trusted:
                    heard.extend(filter(None, [trusted.recv(4)]))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()[1], heard
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
