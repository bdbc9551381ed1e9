"""Whether files hold all tensors of a network: diffusers makes up those that are missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pab_bench.systems.checkpoints.agreement import today
from pab_bench.systems.checkpoints.part import Part
from pab_bench.systems.checkpoints.tensor_files import stored_tensors


def check_complete(network: Any, name: str, folder: Path, setting: str) -> None:
    """Check that every tensor of a loaded diffusers network was in its files.

    Args:
        network: as it was loaded.
        name: of the part.
        folder: the pipeline's.
        setting: what led to the folder, for messages.

    Raises:
        CheckpointRefused: naming the first tensor that is missing, or a damaged file.
    """
    part = Part(setting, name, folder / name)
    found = {today(tensor) for tensor in stored_tensors(part)}
    missing = [tensor for tensor in network.state_dict() if tensor not in found]
    if missing:
        others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise part.refused(None, f"its files lack the tensor {missing[0]}{others}")
