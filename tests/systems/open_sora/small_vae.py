"""The small autoencoder of the golden data, and random inputs for it."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file

from pab_bench.systems.open_sora.vae import OpenSoraVAE

FIXTURE = Path(__file__).parents[2] / "fixtures" / "open_sora"


def small_vae(**arguments):
    content = json.loads((FIXTURE / "vae_tiny.json").read_text())
    tensors = load_file(FIXTURE / "vae_tiny.safetensors")
    vae = OpenSoraVAE(content["spatial_kwargs"], content["temporal_kwargs"], **arguments)
    vae.load_state_dict({k[8:]: v for k, v in tensors.items() if k.startswith("weights/")})
    return vae.eval()


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))
