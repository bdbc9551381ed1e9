"""The blocks of a tar file that holds regular files and nothing else.

An archive is a POSIX ustar file (IEEE Std 1003.1, `pax`), so that any `tar` reads it, of which only
one spelling is allowed: owner 0, mode 644, time 0, no compression. So equal contents are equal
bytes, and a link, a device, a sparse or a compressed file cannot be spelled at all.
"""

from __future__ import annotations

from pab_bench.archive.refused import ArchiveRefused

BLOCK = 512
END = bytes(2 * BLOCK)
"""What an archive ends with, and nothing after it."""
LARGEST = 8**11 - 1
"""Bytes of the largest file that a header can name."""
_NAME, _SIZE, _CHECKSUM, _TYPE, _MAGIC = (0, 100), (124, 136), (148, 156), 156, (257, 265)
_KINDS = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a device",
    b"4": "a device",
    b"5": "a folder",
    b"6": "a pipe",
    b"S": "a sparse file",
    b"L": "a GNU extension",
    b"K": "a GNU extension",
    b"x": "a pax extension",
    b"g": "a pax extension",
}


def header(name: str, size: int) -> bytes:
    """Make the block before a file.

    Args:
        name: of the file, ASCII, at most 100 characters.
        size: in bytes, from 0 to `LARGEST`.

    Raises:
        ValueError: if one of both does not fit.

    Example:
        >>> read_header(header("manifest.json", 7))
        ('manifest.json', 7)
    """
    raw = name.encode("ascii")
    if not 0 < len(raw) <= _NAME[1] or not 0 <= size <= LARGEST:
        raise ValueError(f"{name}: {size} bytes: does not fit into an archive")
    block = bytearray(BLOCK)
    block[: len(raw)] = raw
    block[100:108] = b"0000644\0"
    block[108:116] = block[116:124] = b"0000000\0"
    block[_SIZE[0] : _SIZE[1]] = b"%011o\0" % size
    block[136:148] = b"%011o\0" % 0
    block[_TYPE] = ord("0")
    block[_MAGIC[0] : _MAGIC[1]] = b"ustar\x0000"
    block[329:337] = block[337:345] = b"0000000\0"
    block[_CHECKSUM[0] : _CHECKSUM[1]] = b" " * 8  # As which it is counted itself.
    block[_CHECKSUM[0] : _CHECKSUM[1]] = b"%06o\0 " % sum(block)
    return bytes(block)


def read_header(block: bytes) -> tuple[str, int]:
    """Read name and size from a block that `header` made.

    Raises:
        ArchiveRefused: if it is any other block.
    """
    if block[_MAGIC[0] : _MAGIC[0] + 5] != b"ustar":
        raise ArchiveRefused("is no archive of pab_bench, which is a tar file, not compressed")
    name = block[: _NAME[1]].rstrip(b"\0").decode("ascii", errors="replace")
    kind = block[_TYPE : _TYPE + 1]
    if kind in _KINDS:
        raise ArchiveRefused(f"{name!r} is {_KINDS[kind]}; an archive has regular files only")
    try:
        size = int(block[_SIZE[0] : _SIZE[1] - 1], 8)
        expected = header(name, size)
    except ValueError:
        expected = b""
    if block != expected:
        raise ArchiveRefused(f"{name!r}: its header is not as pab_bench writes it")
    return name, size


def padding(size: int) -> int:
    """Count the zeros that follow a file of `size` bytes.

    >>> padding(0), padding(1), padding(512)
    (0, 511, 0)
    """
    return -size % BLOCK
