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
        return [base64.b64encode(archive(root, terms[1:], self.get_option("without"))).decode()]


def archive(root, names, without):
    """Pack files below `root`, sorted, without times and owners; caches of Python are left out."""
    packed = io.BytesIO()
    found = {path for name in names for path in (root / name, *(root / name).rglob("*")) if path.is_file()}
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as tar:
        for path in sorted(found):
            name = path.relative_to(root)
            if any(fnmatch(part, pattern) for part in name.parts for pattern in ("__pycache__", *without)):
                continue
            entry = tarfile.TarInfo(str(name))
            entry.size, entry.mode, entry.mtime = path.stat().st_size, 0o644, DAY_OF_ALL_FILES
            with path.open("rb") as file:
                tar.addfile(entry, file)
    return packed.getvalue()
