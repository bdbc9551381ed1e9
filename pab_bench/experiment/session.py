"""One loaded model with its encoded prompts, shared by all points of a process."""

from __future__ import annotations

import hashlib
import importlib
import time
from dataclasses import dataclass, field

import numpy as np
import torch

from pab_bench.config.settings import ModelSettings, Settings
from pab_bench.errors import ConfigError
from pab_bench.samplers.base import Sampler, TextEmbeddings


def resolve_device(device: str) -> str:
    """`auto` is the GPU if there is one, otherwise the CPU.

    Raises:
        ConfigError: if the device asked for is not here.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    kind, _, index = device.partition(":")
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise ConfigError(f"device={device}: torch sees {count} CUDA devices; use auto or cpu")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise ConfigError(f"device={device}: torch sees no Metal device; use auto or cpu")
    return device


def clock(device: str) -> float:
    """Seconds, after the device has done what it was asked to."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    return time.perf_counter()


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
    """

    sampler: Sampler
    device: str
    dtype: str
    _encoded: dict[str, tuple[TextEmbeddings, float]] = field(default_factory=dict)
    _warm: bool = False

    def encode(self, prompt: str) -> tuple[TextEmbeddings, float]:
        """The embeddings of a prompt, and the seconds that encoding took when it was done."""
        if prompt not in self._encoded:
            began = clock(self.device)
            text = self.sampler.encode(prompt)
            self._encoded[prompt] = text, clock(self.device) - began
        return self._encoded[prompt]

    def warm_up(self, prompt: str, guidance: float) -> None:
        """Run everything once, shortly, so that first-call costs are in no measured time."""
        if self._warm:
            return
        text = self.sampler.encode(prompt)
        noise = self.sampler.noise(0)
        latents = self.sampler.denoise(text, noise, 2, guidance, lambda step: None)
        self.sampler.decode(latents)
        self._warm = True


_sessions: dict[tuple[ModelSettings, str, str], Session] = {}


def open_session(settings: Settings) -> Session:
    """The session of a model on a device; loaded once per process."""
    device, dtype = resolve_device(settings.device), settings.dtype
    key = settings.model, device, dtype
    if key not in _sessions:
        module, name = settings.model.sampler.split(":")
        sampler_class = getattr(importlib.import_module(module), name)
        _sessions.clear()  # Two large models do not fit beside each other.
        _sessions[key] = Session(sampler_class(settings.model, device, dtype), device, dtype)
    return _sessions[key]
