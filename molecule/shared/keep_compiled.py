# ruff: noqa: PTH104, PTH123, S302
"""Keeps what a target's Python compiles of the archives that Ansible's modules arrive in, which is half of their time.

Each module brings an archive of its own with mostly the same sources, and zipimport compiles them every time. A path
configuration file of the containers imports this.
"""

import marshal
import os
import zipimport
from _imp import source_hash

FOLDER = "/var/cache/molecule-compiled"

compile_source = zipimport._compile_source


def kept(path, source):
    """The code of the source, as zipimport wants it; from the folder if it has been compiled before."""
    compiled = f"{FOLDER}/{source_hash(0, source).hex()}"
    try:
        with open(compiled, "rb") as file:
            return marshal.load(file)
    except FileNotFoundError:
        code = compile_source(path, source)
    with open(f"{compiled}.{os.getpid()}", "wb") as file:
        marshal.dump(code, file)
    os.rename(file.name, compiled)
    return code


if os.access(FOLDER, os.W_OK):  # root, as whom modules run
    zipimport._compile_source = kept
