"""What is raised for an archive that is not one."""

from __future__ import annotations

from pab_bench.archive.texts import printable
from pab_bench.errors import PabBenchError


class ArchiveRefused(PabBenchError):
    """An archive that is not what this version writes; the message names the file within it."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))  # It may quote what a stranger has written.
