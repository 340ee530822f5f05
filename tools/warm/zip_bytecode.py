"""For the hosts of our tests: Python compiles what it imports from a zip file once for all of them, as it does files.

Each module that Ansible sends comes as a zip file, and Python keeps no bytecode of those: a third of what a module
costs, and more. Loaded by the .pth file beside this one, into Debian's own Python alone; tools/host puts both there.
"""

import _imp
import marshal
import os
import sys
import zipimport

FOLDER = "/var/cache/zip-bytecode"


def remembering(compiled):
    """The function that compiles, with a memory: by what the source says, and for this Python."""

    def remembered(path, source):
        digest = _imp.source_hash(0, bytes(source)).hex()
        file = "/".join((FOLDER, "-".join((digest, str(len(source)), sys.implementation.cache_tag))))
        try:
            with open(file, "rb") as kept:
                return marshal.load(kept)
        except (OSError, EOFError, ValueError, TypeError):
            code = compiled(path, source)
        try:
            # Whole or not at all: other hosts read it too.
            draft = file + "." + os.urandom(8).hex()
            with open(draft, "wb") as kept:
                marshal.dump(code, kept)
            os.replace(draft, file)
        except OSError:
            pass  # Another user than root.
        return code

    return remembered


zipimport._compile_source = remembering(zipimport._compile_source)
