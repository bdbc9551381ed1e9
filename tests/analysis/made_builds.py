"""What a build has left, to be compared with another one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from analysis.build import BuildResult


@dataclass(frozen=True)
class Built:
    """What a build has left: each file's content, by its path in the sweep."""

    result: BuildResult
    directory: Path
    contents: dict[str, bytes]

    @property
    def pictures(self) -> dict[str, bytes]:
        """The figures, by file name."""
        return {Path(name).name: own for name, own in self.contents.items() if "figures/" in name}


def contents_of(directory: Path) -> dict[str, bytes]:
    """Each file's content, by its path in the folder."""
    files = [path for path in directory.rglob("*") if path.is_file()]
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}
