"""Weights and inputs of the recorded autoencoder, made from seeds instead of stored."""

import numpy as np
import torch


def numbers(shape, seed):
    """Standard normal float32 numbers that are the same everywhere."""
    values = np.random.Generator(np.random.PCG64(seed)).standard_normal(tuple(shape))
    return torch.from_numpy(values.astype(np.float32))


def fill(model):
    """Give every parameter seeded numbers of a size that keeps activations in range."""
    for seed, (name, parameter) in enumerate(sorted(model.named_parameters())):
        values = numbers(parameter.shape, 1000 + seed)
        if parameter.ndim > 1:
            values = values / parameter[0].numel() ** 0.5
        elif "norm" in name and name.endswith("weight"):
            values = 1 + 0.1 * values
        else:
            values = 0.1 * values
        parameter.data.copy_(values)
