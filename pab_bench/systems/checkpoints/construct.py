"""A network of a part's configuration on the `meta` device: names and shapes, no numbers."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook
from transformers import T5Config, T5EncoderModel

from pab_bench.systems.checkpoints.json_files import read_object
from pab_bench.systems.checkpoints.part import Part
from pab_bench.systems.checkpoints.values import NUMBER_OR_NULL, why_not_meant

CONFIG = "config.json"
MOST_TENSORS = 5_000
"""Of one network. Latte-1 has 967; a number of layers that was damaged would never end."""
_NUMERIC = re.compile(r"\b(int|float)\b")
_OTHER = re.compile(r"\b(str|dict|Dict|Mapping|Any|bool)\b")
MOST_COMPUTED = 2**28
"""Numbers in a table that is computed, such as positions: no file bounds its size."""


@dataclass(frozen=True)
class Network:
    """What a part must be.

    Attributes:
        kind: its class.
        aliases: other names that published configurations have for it.
        extra: regular expressions of tensors that published files have besides its own.
    """

    kind: Any
    aliases: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All names of its class."""
        return self.kind.__name__, *self.aliases


TEXT_ENCODER = Network(T5EncoderModel, ("t5", "mt5"), (r"decoder\.", r"lm_head\.weight$"))
"""T5's encoder; published files may hold the decoder, too."""


def construct(part: Part, network: Network) -> nn.Module:
    """Make the network that a part's `config.json` describes, without numbers.

    Raises:
        CheckpointRefused: if it describes none, or one of another class.
    """
    config = configuration(part)
    key = "model_type" if network.kind is T5EncoderModel else "_class_name"
    named = config.get(key)
    if named is not None and named not in network.names:
        expected = " or ".join(network.names)
        raise part.refused(CONFIG, f"{key}={named!r}: must be {expected}")
    wrong = why_not_meant(config, defaults_of(network.kind))
    if wrong is None and config.get("quantization_config"):
        wrong = "quantization_config: quantized weights are not supported"
    if wrong is not None:
        raise part.refused(CONFIG, wrong)
    try:
        with torch.device("meta"), _bounded():
            made = make(network.kind, config)
    except Exception as error:  # What a constructor raises for wrong numbers is not listed.
        reason = f"describes no {network.kind.__name__}: {type(error).__name__}: {error}"
        raise part.refused(CONFIG, reason) from error
    for name, buffer in computed_buffers(made).items():
        if buffer.numel() > MOST_COMPUTED:
            shape = tuple(buffer.shape)
            raise part.refused(CONFIG, f"describes a table {name} of shape {shape}: too large")
    return made


def configuration(part: Part) -> dict[str, Any]:
    """A part's `config.json`, or nothing if it has none and needs none.

    Raises:
        CheckpointRefused: if it cannot be read.
    """
    if not part.configured:
        return {}
    try:
        return read_object(part.folder / CONFIG)
    except ValueError as error:
        raise part.refused(CONFIG, error) from error


def make(kind: Any, config: Mapping[str, Any]) -> nn.Module:
    """A network by the arguments in `config` that its class knows; others are left out."""
    if kind is T5EncoderModel:
        text: nn.Module = T5EncoderModel(T5Config(**config))
        return text
    known = inspect.signature(kind).parameters
    network: nn.Module = kind(**{key: value for key, value in config.items() if key in known})
    return network


@lru_cache(maxsize=32)
def defaults_of(kind: Any) -> dict[str, Any]:
    """Right values of a class' configuration, by key."""
    if kind is T5EncoderModel:
        return dict(T5Config().to_dict())
    parameters = inspect.signature(kind).parameters.items()
    return {name: _right_value(p) for name, p in parameters if p.default is not p.empty}


def _right_value(parameter: inspect.Parameter) -> Any:
    annotation = str(parameter.annotation)
    if parameter.default is None and _NUMERIC.search(annotation) and not _OTHER.search(annotation):
        return NUMBER_OR_NULL
    return parameter.default


def computed_buffers(network: nn.Module) -> dict[str, torch.Tensor]:
    """Tables that a network computes itself, so that its files need not hold them."""
    kept = network.state_dict().keys()
    return {name: b for name, b in network.named_buffers() if name not in kept}


@contextmanager
def _bounded() -> Iterator[None]:
    made = 0

    def count(*_: Any) -> None:
        nonlocal made
        made += 1
        if made > MOST_TENSORS:
            raise ValueError(f"it would have more than {MOST_TENSORS:,} tensors")

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()
