"""What the samplers share: dtypes, quiet loading, and where a pipeline's modules wait."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import diffusers
import torch
import transformers

from pab_bench.errors import ConfigError
from pab_bench.systems.model import ModelSettings

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def check_offload(model: ModelSettings, device: str) -> None:
    """Refuse offloading without a GPU, before anything is loaded.

    Raises:
        ConfigError: naming the setting.
    """
    if model.offload != "none" and device == "cpu":
        raise ConfigError(f"model.offload={model.offload}: needs a GPU, device is cpu; use none")


def answer_to_old_names(*modules: ModuleType) -> None:
    """Let checkpoints find their networks' modules where these lay when they were saved.

    A `model_index.json` names modules; our systems' were in `pab_bench.models`. The file is part
    of the weights' digest, and so it stays as it is.
    """
    for module in modules:
        old = module.__name__.replace("pab_bench.systems.", "pab_bench.models.")
        sys.modules.setdefault(old, module)


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
