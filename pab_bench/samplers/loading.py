"""What the samplers share: dtypes, quiet loading, and where a pipeline's modules wait."""

from __future__ import annotations

from typing import Any

import pab_bench.torchvision_import  # noqa: F401  # isort: skip
import diffusers
import torch
import transformers

from pab_bench.config.settings import ModelSettings
from pab_bench.errors import ConfigError

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def check_offload(model: ModelSettings, device: str) -> None:
    """Refuse offloading without a GPU, before anything is loaded.

    Raises:
        ConfigError: naming the setting.
    """
    if model.offload != "none" and device == "cpu":
        raise ConfigError(f"model.offload={model.offload}: needs a GPU, device is cpu; use none")


def quiet_loading() -> None:
    """No progress bars while a checkpoint is loaded: they spoil logs, and it takes a moment."""
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()


def place(pipeline: Any, model: ModelSettings, device: str) -> None:
    """Put a diffusers pipeline on `device`, or let it offload as `model.offload` says."""
    pipeline.set_progress_bar_config(disable=True)
    if model.offload == "none":
        pipeline.to(device)
    elif model.offload == "model":
        pipeline.enable_model_cpu_offload(device=device)
    else:
        pipeline.enable_sequential_cpu_offload(device=device)


def fetch(module: Any) -> None:
    """Bring an offloaded module to the device before one of its methods is called.

    Offloading moves a module when its `forward` is called; autoencoders are used by other methods.
    """
    if hasattr(module, "_hf_hook"):
        module._hf_hook.pre_forward(module)
