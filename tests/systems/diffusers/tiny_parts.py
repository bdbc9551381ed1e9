"""Tokenizers and text encoders of tiny pipelines, built in code."""

from __future__ import annotations

import string

import torch
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    LlamaConfig,
    LlamaModel,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

from pab_bench.systems.diffusers.control import redraw_zeros

WIDTH = 32


def tokenizer(words=(), max_length=64):
    """A T5 tokenizer of single characters, and of whole words where some are given."""
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -8.0)]
    pieces += [(own, -9.0) for own in string.ascii_letters + string.digits + string.punctuation]
    pieces += [(f"▁{word}", -1.0) for word in dict.fromkeys(words) if len(word) > 1]
    return T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=max_length)


def t5(kind, config, size):
    return kind(
        config(
            vocab_size=size,
            d_model=WIDTH,
            d_kv=8,
            d_ff=48,
            num_layers=1,
            num_heads=4,
            dropout_rate=0.0,
        )
    )


def t5_parts():
    own = tokenizer()
    return {"tokenizer": own, "text_encoder": t5(T5EncoderModel, T5Config, len(own))}


def finished(pipeline):
    """The pipeline in inference mode, with no parameter that is all zero."""
    generator = torch.Generator().manual_seed(0)
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            redraw_zeros(part.eval(), generator)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def llama(size):
    return LlamaModel(
        LlamaConfig(
            vocab_size=size,
            hidden_size=WIDTH,
            intermediate_size=48,
            num_hidden_layers=3,
            num_attention_heads=4,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=1,
        )
    )


def clip(size, longest):
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=size,
            hidden_size=16,
            intermediate_size=24,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=longest,
            projection_dim=16,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=1,
        )
    )
