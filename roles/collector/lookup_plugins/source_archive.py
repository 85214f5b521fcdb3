# Copyright PowerGraph contributors. Apache-2.0
"""source_archive: the collector's sources as one archive, the same bytes for the same sources."""

from __future__ import annotations

import base64
import gzip
import io
import tarfile
from fnmatch import fnmatch
from pathlib import Path

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

DOCUMENTATION = """
name: source_archive
author: PowerGraph
short_description: packs files and folders below a folder, base64 of a .tar.gz that depends on their content only
options:
  _terms:
    description: the folder, then what to take from it ("." for all)
    required: true
  without:
    description: names of files and folders to leave out, as patterns
    type: list
    elements: str
    default: []
  rendered:
    description: what to add, contents by path
    type: dict
    default: {}
"""

# 2 January 1980: wheels cannot hold earlier times
DAY_OF_ALL_FILES = 315619200


class LookupModule(LookupBase):
    """Packs sources so that copying them is one transfer, and comparing them one checksum."""

    def run(self, terms, variables=None, **kwargs):
        """Return one base64 string; raises AnsibleLookupError where something to take is missing."""
        self.set_options(var_options=variables, direct=kwargs)
        root = Path(terms[0]).expanduser()
        missing = [name for name in terms[1:] if not (root / name).exists()]
        if missing:
            raise AnsibleLookupError(f"{root} does not hold {', '.join(missing)}: is it the folder of the sources?")
        options = (self.get_option(name) for name in ("without", "rendered"))
        return [base64.b64encode(archive(root, terms[1:], *options)).decode()]


def archive(root, wanted, without=(), rendered=None):
    """Pack files below `root` and rendered ones, sorted, without times and owners; caches of Python are left out."""
    packed = io.BytesIO()
    found = {path for name in wanted for path in (root / name, *(root / name).rglob("*")) if path.is_file()}
    names = {path: path.relative_to(root) for path in found}
    contents = {str(name): path.read_bytes() for path, name in names.items() if not left_out(name, without)}
    contents |= {name: text.encode() for name, text in (rendered or {}).items()}
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as tar:
        for name, content in sorted(contents.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(content), 0o644, DAY_OF_ALL_FILES
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def left_out(name, without):
    """Whether a file, or a folder that it is in, has a name to be left out."""
    return any(fnmatch(part, pattern) for part in name.parts for pattern in ("__pycache__", *without))
