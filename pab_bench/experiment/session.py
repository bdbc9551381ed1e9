"""One loaded model with its encoded prompts, shared by all points of a process."""

from __future__ import annotations

import gc
import hashlib
import logging
from dataclasses import dataclass, field

import numpy as np
import torch

from pab_bench.config.settings import Settings
from pab_bench.experiment.arithmetic import use_threads
from pab_bench.experiment.device import clock, resolve_device
from pab_bench.experiment.execution import compile_sites, set_deterministic
from pab_bench.experiment.prompt_notices import late_notices
from pab_bench.experiment.window_notices import share_notices, window_notices
from pab_bench.imports.garbage import release_loaded, without_gc
from pab_bench.systems.base import Sampler, TextEmbeddings
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.prompt_tokens import PromptTokens
from pab_bench.systems.registry import load_sampler

_log = logging.getLogger(__name__)

WARM_UP_STEPS = 4
"""PNDM can do with no fewer."""


def digest(tensor: torch.Tensor | None) -> str | None:
    """SHA-256 of a tensor's values and dtype."""
    if tensor is None:
        return None
    content = hashlib.sha256(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
    raw = tensor.detach().contiguous().cpu().view(torch.uint8).numpy()
    content.update(np.ascontiguousarray(raw).tobytes())
    return content.hexdigest()


@dataclass
class Session:
    """A sampler on a device, and what was encoded with it.

    Attributes:
        sampler: the loaded sampler.
        device: `cpu`, `cuda` or `cuda:N`.
        dtype: the model's dtype.
        compiled: whether the modules of its blocks are.
    """

    sampler: Sampler
    device: str
    dtype: str
    compiled: bool = False
    _encoded: dict[str, tuple[TextEmbeddings, float]] = field(default_factory=dict)
    _told: set[tuple[str, ...]] = field(default_factory=set)
    _warm: bool = False

    def encode(self, prompt: str) -> tuple[TextEmbeddings, float]:
        """The embeddings of a prompt, and the seconds that encoding took when it was done."""
        if prompt not in self._encoded:
            began = clock(self.device)
            text = self.sampler.encode(prompt)
            self._encoded[prompt] = text, clock(self.device) - began
        return self._encoded[prompt]

    def tokens(self, prompt: str) -> PromptTokens | None:
        """What the model's tokenizer makes of a prompt; None where the sampler does not tell."""
        read = getattr(self.sampler, "tokens", None)
        own: PromptTokens | None = None if read is None else read(prompt)
        return own

    def tell(self, settings: Settings) -> None:
        """Log, once for all points of a kind, what only the loaded model could tell."""
        if settings.prompts not in self._told:
            self._told.add(settings.prompts)
            for notice in late_notices(settings, [self.tokens(p) for p in settings.prompts]):
                _log.warning(notice)
        timesteps = self.sampler.timesteps(settings.steps)
        told = list(share_notices(settings.method, timesteps))
        if settings.model.schedule is None:
            told += window_notices(settings.method, timesteps)
        for notice in told:
            if (notice,) not in self._told:
                self._told.add((notice,))
                _log.warning(notice)

    def warm_up(self, prompt: str, guidance: float) -> None:
        """Run everything once, shortly, so that first-call costs are in no measured time."""
        if self._warm:
            return
        text = self.sampler.encode(prompt)
        noise = self.sampler.noise(0)
        latents = self.sampler.denoise(text, noise, WARM_UP_STEPS, guidance, lambda step: None)
        self.sampler.decode(latents)
        self._warm = True


def release_memory() -> None:
    """Give back what a failed computation still holds."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


_sessions: dict[tuple[ModelSettings, str, str, bool], Session] = {}


def open_session(settings: Settings) -> Session:
    """The session of a model on a device; loaded once per process."""
    device, dtype = resolve_device(settings.device), settings.dtype
    key = settings.model, device, dtype, settings.compile
    set_deterministic(settings.deterministic)
    use_threads(settings.threads)
    if key not in _sessions:
        if _sessions:  # Two large models do not fit beside each other.
            _sessions.clear()
            release_loaded()
        with without_gc():
            sampler = load_sampler(settings.model, device, dtype)
        if settings.compile:
            compile_sites(sampler.architecture)
        _sessions[key] = Session(sampler, device, dtype, settings.compile)
    return _sessions[key]
