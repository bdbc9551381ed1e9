"""Reads the table of papers, `references.bib`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("references.bib")
_ENTRY = re.compile(r"^@(\w+)\{([\w-]+),\n((?:  .*\n)+)\}\n", re.MULTILINE)
_FIELD = re.compile(r"  (\w+) = \{(.*)\},")
_ACCENT = re.compile(r"\{\\(['~])\\?([a-zA-Z])\}")
_ACCENTS = {"'": "\N{COMBINING ACUTE ACCENT}", "~": "\N{COMBINING TILDE}"}


@dataclass(frozen=True)
class Reference:
    """A paper or program that can be cited.

    Attributes:
        key: by which it is cited.
        bibtex: its entry.
        fields: its fields, as BibTeX has them.
    """

    key: str
    bibtex: str
    fields: Mapping[str, str]

    @property
    def text(self) -> str:
        """One line for people: authors, title, where, year, address."""
        authors = self.fields["author"].replace(" and others", " et al.").split(" and ")
        where = self.fields.get("booktitle") or self.fields.get("journal")
        if "eprint" in self.fields:
            where = f"arXiv {self.fields['eprint']}"
        doi = self.fields.get("doi")
        address = self.fields.get("url") or (doi and f"https://doi.org/{doi}")
        parts = ["; ".join(authors), self.fields["title"], where, self.fields["year"], address]
        return _plain(". ".join(part.rstrip(".") for part in parts if part))


@cache
def references() -> dict[str, Reference]:
    """All papers by key."""
    found = {}
    for match in _ENTRY.finditer(_FILE.read_text(encoding="utf-8")):
        fields = dict(_FIELD.findall(match[3]))
        found[match[2]] = Reference(match[2], match[0], fields)
    return found


def _plain(text: str) -> str:
    r"""Text without what is written for TeX.

    >>> _plain(r"J{\'e}gou, {RAFT} \& others, 38--45")
    'Jégou, RAFT & others, 38-45'
    """
    import unicodedata

    text = _ACCENT.sub(lambda found: found[2] + _ACCENTS[found[1]], text)
    text = re.sub(r"[{}]", "", text).replace("\\&", "&").replace("--", "-")
    return unicodedata.normalize("NFC", text)
