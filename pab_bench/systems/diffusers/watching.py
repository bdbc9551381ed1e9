"""Watches the modules of transformers during one denoising step of the bare pipeline."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from pab_bench.engine.kinds import Kind
from pab_bench.systems.diffusers.blank import shape_of
from pab_bench.systems.diffusers.modules import Candidate
from pab_bench.systems.diffusers.packing import layout_of


@dataclass(frozen=True)
class Visited:
    """One call of a module.

    Attributes:
        lane: which call of the transformer it belongs to.
        kind: of site; None with a reason.
        reason: why it cannot be one.
    """

    lane: int
    kind: Kind | None
    reason: str = ""


@dataclass
class Watch:
    """A context in which the calls of candidates are noted.

    Args:
        transformers: the modules that the pipeline calls, alike in all but their numbers.
        watched: modules in them.

    Attributes:
        lanes: calls of a transformer so far.
        visits: by name of a module, its calls, in whichever transformer it is.
        outputs: of every call of a transformer, as `shape_of` has it.
    """

    transformers: Sequence[nn.Module]
    watched: Sequence[Candidate]
    lanes: int = 0
    visits: dict[str, list[Visited]] = field(default_factory=dict)
    outputs: list[Any] = field(default_factory=list)
    _batch: int = 0
    _hooks: list[RemovableHandle] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Attach."""
        for transformer in self.transformers:
            self._hooks.append(transformer.register_forward_pre_hook(self._began, with_kwargs=True))
            self._hooks.append(transformer.register_forward_hook(self._ended))
        for candidate in self.watched:
            self._hooks.append(
                candidate.module.register_forward_hook(self._note(candidate), with_kwargs=True)
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Detach."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()

    def _began(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._batch = len(first_tensor(arguments(module, args, kwargs)))
        self.lanes += 1

    def _ended(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        self.outputs.append(shape_of(output))

    def _note(self, candidate: Candidate) -> Any:
        def note(module: nn.Module, args: Any, kwargs: Any, result: Any) -> None:
            given = arguments(module, args, kwargs)
            try:
                visited = Visited(self.lanes - 1, self._kind(candidate, given, result))
            except TypeError as error:
                visited = Visited(self.lanes - 1, None, str(error))
            self.visits.setdefault(candidate.name, []).append(visited)

        return note

    def _kind(self, candidate: Candidate, given: Mapping[str, Any], result: Any) -> Kind:
        layout = layout_of(result)
        if candidate.sort == "mlp":
            return "mlp"
        if layout is not None:  # Of text and video together.
            return "spatial"
        if given.get("encoder_hidden_states") is not None:
            return "cross"
        factorised = len(first_tensor(given)) > self._batch
        return "temporal" if factorised and "temporal" in (candidate.blocks or "") else "spatial"


def arguments(
    module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The arguments of a call of a module by their names, in the order of its signature."""
    bound = inspect.signature(type(module).forward).bind(module, *args, **kwargs).arguments
    return {name: value for name, value in bound.items() if name != "self"}


def first_tensor(given: Mapping[str, Any]) -> torch.Tensor:
    """The first argument that is a tensor: the video's hidden states.

    Raises:
        TypeError: if there is none.
    """
    own = given.get("hidden_states")
    for value in (own, *given.values()):
        if isinstance(value, torch.Tensor):
            return value
    raise TypeError("is called without a tensor")
