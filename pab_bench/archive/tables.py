"""Whether tables and videos from elsewhere are what their names say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from pab_bench.archive.names import MAPS

MOST_VALUES = 2**30
"""Of a table: rows times columns, which a small file can claim to have many of."""
_ROWS_AT_ONCE = 2**17

_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "plan": {"kind": "text", "call": "number", "block": "number", "reuse": "number"},
    "steps": {"prompt": "number", "seed": "number", "step": "number", "seconds": "number"},
    "curves": {"prompt": "number", "seed": "number", "step": "number", "kind": "text"}
    | {"block": "number", "tensor": "text", "mse": "number"},
    "metrics": {"prompt": "number", "seed": "number", "frame": "number"}
    | {"metric": "text", "value": "number"},
    "communication": {"prompt": "number", "seed": "number", "call": "number", "where": "text"}
    | {"operation": "text", "ranks": "number", "sent_bytes": "number"},
}
"""Columns that no table can do without; it may have others, of numbers or texts, or empty."""


def check_file(path: Path, name: str) -> None:
    """Read a file of a point as far as its kind says what must be in it.

    Args:
        path: where it lies.
        name: within the point.

    Raises:
        ValueError: saying what is wrong with it.
    """
    for ending, check in _CHECKS.items():
        if name.endswith(ending):
            check(path)


def _check_table(path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        kinds = {field.name: _kind(field.type) for field in file.schema_arrow}
        wanted = _COLUMNS[path.stem]
        wrong = [name for name, kind in wanted.items() if kinds.get(name) != kind]
        wrong += [name for name, kind in kinds.items() if kind == "other"]
        if wrong:
            raise ValueError(f"the column {wrong[0]} is missing or of another kind")
        if len(kinds) != len(file.schema_arrow):
            raise ValueError("has a column twice")
        if file.metadata.num_rows * len(kinds) > MOST_VALUES:
            raise ValueError(f"{file.metadata.num_rows} rows are too many")
        rows = 0
        for batch in file.iter_batches(_ROWS_AT_ONCE, use_threads=False):
            rows += batch.num_rows
            if rows * len(kinds) > MOST_VALUES:
                raise ValueError("has more rows than it says")
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"is no table: {str(error).splitlines()[0]}") from error


def _kind(field: object) -> str:
    import pyarrow.types as of

    if of.is_integer(field) or of.is_floating(field) or of.is_boolean(field):
        return "number"
    if of.is_string(field) or of.is_large_string(field):
        return "text"
    return "nothing" if of.is_null(field) else "other"


def _check_tensors(path: Path) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            names = list(file.keys())
            slices = [file.get_slice(name) for name in names]
            shapes = [(one.get_dtype(), list(one.get_shape())) for one in slices]
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(f"holds no tensors: {error}") from error
    if path.name == MAPS:
        return
    dtype, shape = shapes[0] if names == ["frames"] else ("", [])
    if dtype != "U8" or len(shape) != 4 or shape[3] != 3 or 0 in shape:
        raise ValueError(f"holds no video: {', '.join(names)} {dtype} {shape}")


def _check_mp4(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(8)[4:] != b"ftyp":
            raise ValueError("is no MP4 file")


_CHECKS: Mapping[str, Callable[[Path], None]] = {
    ".parquet": _check_table,
    ".safetensors": _check_tensors,
    ".mp4": _check_mp4,
}
