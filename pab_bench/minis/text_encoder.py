"""The text encoder of the minis: T5 over the closed vocabulary, two layers."""

from __future__ import annotations

from transformers import T5Config, T5EncoderModel

TEXT_WIDTH = 64


def build_text_encoder(vocabulary_size: int) -> T5EncoderModel:
    """The untrained encoder, `TEXT_WIDTH` wide."""
    return T5EncoderModel(
        T5Config(
            vocab_size=vocabulary_size,
            d_model=TEXT_WIDTH,
            d_kv=16,
            d_ff=128,
            num_layers=2,
            num_heads=4,
            dropout_rate=0.0,
            feed_forward_proj="gated-gelu",
        )
    )
