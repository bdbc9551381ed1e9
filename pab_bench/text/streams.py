"""Standard output and error that take everything: who reads them may have gone, or never been."""

from __future__ import annotations

import io
import os
import sys


class _Stream(io.FileIO):
    """A file whose reader may go: what is written then is lost, and nothing else."""

    lost: str | None = None

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Write, or remember why nothing more can be written."""
        try:
            return super().write(data)
        except OSError as error:
            if not isinstance(error, BrokenPipeError):  # `| head` has what it wanted.
                self.lost = error.strerror or str(error)
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
            return len(data)


_streams: dict[str, _Stream] = {}


def open_streams() -> None:
    """Make the process' standard streams such that no print ends a program.

    A stream that was closed before the start takes and drops everything; so does one whose reader
    goes, or whose disk is full. Characters that its encoding does not have are replaced.
    Streams that somebody has put in the place of the process' own are left alone.
    """
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream, own = getattr(sys, name), getattr(sys, f"__{name}__")
        if stream is not own or name in _streams:
            continue
        if own is None:
            # Else the next file that is opened would get the number, and what is printed.
            _occupy(number)
        elif not isinstance(own, io.TextIOWrapper):
            continue
        else:
            own.flush()
        _streams[name] = _Stream(number, "w", closefd=False)
        setattr(
            sys,
            name,
            io.TextIOWrapper(
                io.BufferedWriter(_streams[name]),
                encoding="utf-8" if own is None else own.encoding,
                errors="replace",
                line_buffering=True,
            ),
        )


def lost() -> str | None:
    """Why something that was printed on standard output is lost; None if nothing is."""
    if "stdout" in _streams:
        sys.stdout.flush()
        return _streams["stdout"].lost
    return None


def _occupy(number: int) -> None:
    descriptor = os.open(os.devnull, os.O_RDWR)
    if descriptor != number:
        os.dup2(descriptor, number, inheritable=True)
