"""Weights that everyone can make again: drawn from the name of each tensor."""

import zlib

import numpy as np


def seeded(name, shape):
    """A float32 array for a tensor of a network, in a size that keeps signals alive."""
    values = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape)
    last = name.rsplit(".", 1)[-1]
    if last == "running_var":
        values = 1 + 0.1 * np.abs(values)
    elif "emb" in last or "cls" in last or "embedding" in name:
        values = 0.5 * values
    elif len(shape) >= 2:
        values = values / np.sqrt(np.prod(shape[1:]))
    elif last == "weight":
        values = 1 + 0.1 * values
    else:
        values = 0.1 * values
    return np.asarray(values, dtype=np.float32)


def seeded_state(shapes):
    """Arrays by name; counters of batches (shape None) are 0."""
    return {
        name: np.zeros((), np.int64) if shape is None else seeded(name, tuple(shape))
        for name, shape in shapes.items()
    }
