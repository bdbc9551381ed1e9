"""Architectures that no maintained library has, as diffusers models and pipelines."""
