"""Measure, ablate and tune Pyramid Attention Broadcast on video diffusion transformers."""
