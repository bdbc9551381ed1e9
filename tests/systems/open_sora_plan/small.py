"""Small models with random weights, in the shapes of the released ones."""

import hashlib
from pathlib import Path

import torch
from diffusers import PNDMScheduler

from pab_bench.minis.text_encoder import TEXT_WIDTH, build_text_encoder
from pab_bench.minis.tokenizer import build_tokenizer
from pab_bench.systems.open_sora_plan.pipeline import OpenSoraPlanPipeline
from pab_bench.systems.open_sora_plan.transformer import LatteT2V
from pab_bench.systems.open_sora_plan.vae import CausalVAEModel

FIXTURE = Path(__file__).parents[2] / "fixtures" / "open_sora_plan"
PROMPT = "a large red circle moves right slowly over a black background"
LATENT_FRAMES, SIDE, WORDS = 3, 8, 24


def small_transformer(**changes):
    torch.manual_seed(5)
    arguments = {
        "num_attention_heads": 2,
        "attention_head_dim": 8,
        "num_layers": 2,
        "cross_attention_dim": 16,
        "caption_channels": TEXT_WIDTH,
        "sample_size": [SIDE, SIDE],
        "video_length": LATENT_FRAMES,
        "model_max_length": WORDS,
    }
    return LatteT2V(**arguments | changes).eval()


def small_vae():
    torch.manual_seed(0)
    return CausalVAEModel(
        hidden_size=8, hidden_size_mult=[1, 1, 1, 1], num_res_blocks=1, norm_num_groups=4
    ).eval()


def small_pipeline():
    tokenizer = build_tokenizer()
    torch.manual_seed(0)
    pipeline = OpenSoraPlanPipeline(
        tokenizer=tokenizer,
        text_encoder=build_text_encoder(len(tokenizer)).eval(),
        vae=small_vae(),
        transformer=small_transformer(),
        scheduler=PNDMScheduler(),
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def digest_of_keys(model):
    """SHA-256 of the names and shapes of a state dict."""
    lines = sorted(f"{name} {list(value.shape)}" for name, value in model.state_dict().items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
