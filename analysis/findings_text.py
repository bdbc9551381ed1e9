"""How much an audit has found, in a word or two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def findings_text(audit: Mapping[str, Any] | None) -> str | None:
    """How many findings a point has; None where it is not audited.

    >>> findings_text({"findings": []}), findings_text({}), findings_text({"findings": [{}]})
    ('no findings', None, '1 finding')
    """
    if not audit:
        return None
    count = len(audit["findings"])
    return f"{count or 'no'} finding{'' if count == 1 else 's'}"
