"""Models with names of their own: whether a pipeline is one, and how the engine sees it."""

from __future__ import annotations

from typing import Any

from torch import nn

from pab_bench.engine.sites import Architecture
from pab_bench.errors import ConfigError
from pab_bench.problems import Problem
from pab_bench.registry import load
from pab_bench.systems.checkpoints.part import CheckpointRefused
from pab_bench.systems.diffusers.defaults import read_defaults
from pab_bench.systems.diffusers.index import PipelineIndex
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.registry import SYSTEMS, check_depth
from pab_bench.systems.weights import setting_of


def check_named(model: ModelSettings, index: PipelineIndex) -> None:
    """Check what a pipeline says of its transformer against the model, before it is loaded.

    Args:
        model: the model; that of a system without classes is any pipeline.
        index: of the pipeline.

    Raises:
        CheckpointRefused: if its class is none that the system knows, with these.
        InvalidSettings: if it has another depth than the model's settings say.
    """
    known = SYSTEMS.load(model.system).transformers
    _, name = index.parts[index.transformer]
    kind: Any = index.kind(index.transformer)
    names = [base.__name__ for base in kind.__mro__] if isinstance(kind, type) else [name]
    if known and not set(known).intersection(names):
        reason = (
            f"its transformer is {name}, and model.system={model.system} is "
            f"{' or '.join(known)}; model=diffusers samples any"
        )
        raise CheckpointRefused([Problem(setting_of(model), reason)])
    depth = read_defaults(model)["depth"]
    if depth is not None:
        check_depth(model, int(depth))


def named_architecture(model: ModelSettings, transformer: nn.Module) -> Architecture | None:
    """The architecture of a model's system, whose plans have noise levels for timesteps.

    Args:
        model: the model.
        transformer: loaded, of one of the system's classes.

    Returns:
        None where the system takes any transformer.

    Raises:
        CheckpointRefused: if the transformer's blocks are of a class that is not known.
    """
    address = SYSTEMS.load(model.system).architecture
    if address is None:
        return None
    try:
        architecture: Architecture = load(address)(transformer, by_order=True)
    except ConfigError as error:
        raise CheckpointRefused([Problem(setting_of(model), str(error))]) from error
    return architecture
