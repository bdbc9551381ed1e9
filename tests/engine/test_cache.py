from __future__ import annotations

import pytest
import torch
from engine.toy import GROUPS, ToyArchitecture, ToyTransformer, sample
from hypothesis import given
from hypothesis import strategies as st

from pab_bench.engine.cache import Cache
from pab_bench.engine.cache_options import CACHE_DTYPES, CacheOptions
from pab_bench.engine.engine import Engine
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, Rules

TIMES = [900, 700, 500, 300, 100]
RELATIVE_ERROR = {"float16": 2**-11, "bfloat16": 2**-8, "float8_e4m3fn": 2**-4}
"""Half a unit of the last binary digit."""


def test_without_options_the_very_tensor_comes_back():
    cache, tensor = Cache(), torch.randn(3, 4)
    cache.put("a", [tensor])
    assert cache.bytes == cache.peak_bytes == 48
    assert cache.get("a", last=False)[0].data_ptr() == tensor.data_ptr()
    assert len(cache) == 1
    cache.get("a", last=True)
    assert (len(cache), cache.bytes, cache.peak_bytes) == (0, 0, 48)


@pytest.mark.parametrize("dtype", CACHE_DTYPES)
@pytest.mark.parametrize("magnitude", [1e-3, 1.0, 3e4])
def test_lower_dtypes(dtype, magnitude):
    torch.manual_seed(0)
    tensor = magnitude * torch.rand(64, 8)
    cache = Cache(CacheOptions(dtype))
    cache.put("a", [tensor, tensor])
    one = tensor.numel() * (1 if dtype == "float8_e4m3fn" else 2)
    assert cache.bytes == 2 * (one + (4 if dtype == "float8_e4m3fn" else 0))
    restored = cache.get("a", last=True)[1]
    assert restored.dtype == tensor.dtype
    error = (restored - tensor).abs()
    # Below the smallest normal number the error is absolute.
    smallest = torch.finfo(getattr(torch, dtype)).tiny
    scale = tensor.max() / 448 if dtype == "float8_e4m3fn" else 1
    assert (error <= RELATIVE_ERROR[dtype] * tensor.clamp_min(smallest * scale) * 1.001).all()
    assert error.max() > 0


def test_zeros_survive_every_dtype():
    for dtype in CACHE_DTYPES:
        cache = Cache(CacheOptions(dtype))
        cache.put("a", [torch.zeros(3)])
        assert torch.equal(cache.get("a", last=True)[0], torch.zeros(3))


@given(
    st.integers(0, 50),
    st.sampled_from(["float32", "float16", "bfloat16"]),
    st.sampled_from([None, *CACHE_DTYPES]),
)
def test_bytes_are_known_before(numel, dtype, kept):
    options = CacheOptions(kept)
    cache = Cache(options)
    cache.put("a", [torch.ones(numel, dtype=getattr(torch, dtype))] if numel else [])
    assert cache.bytes == (options.bytes_of(numel, dtype) if numel else 0)


def test_a_view_does_not_hold_what_it_is_a_part_of():
    cache, whole = Cache(), torch.arange(100.0).view(10, 10)
    cache.put("a", [whole[:1]])
    assert cache.bytes == 40
    (kept,) = cache.get("a", last=True)
    assert torch.equal(kept, whole[:1])
    assert kept.untyped_storage().nbytes() == 40
    assert cache.bytes == 0


def test_parts_of_one_tensor_count_once_and_are_no_copies():
    cache, whole = Cache(), torch.arange(100.0).view(10, 10)
    cache.put("a", whole.split([3, 7]))
    assert cache.bytes == cache.peak_bytes == 400
    for part in cache.get("a", last=True):
        assert part.untyped_storage().data_ptr() == whole.data_ptr()
    assert cache.bytes == 0


def test_unknown_options_are_refused():
    with pytest.raises(ValueError, match=r"cache\.dtype=int8: must be one of"):
        CacheOptions("int8")
    with pytest.raises(ValueError, match=r"cache\.device=disk: must be one of cpu"):
        CacheOptions(None, "disk")


def test_the_engine_reuses_what_the_cache_made_of_it():
    torch.manual_seed(0)
    transformer = ToyTransformer()
    plan = make_plan(Rules(spatial=GapRule(True, (150, 850), 2)), TIMES, 2, GROUPS)
    results, peaks = {}, {}
    for options in (None, CacheOptions(device="cpu"), *map(CacheOptions, CACHE_DTYPES)):
        with Engine(ToyArchitecture(transformer), plan, cache=options) as engine:
            results[options] = sample(transformer, TIMES)
        peaks[options] = engine.peak_cache_bytes
    exact = results.pop(None)
    assert torch.equal(results.pop(CacheOptions(device="cpu")), exact)
    errors = [float((result - exact).norm() / exact.norm()) for result in results.values()]
    assert 0 < errors[0] < errors[1] < errors[2] < 0.05
    assert [peaks[options] for options in results] == [32, 32, 24]


@pytest.mark.gpu
def test_the_host_keeps_what_the_gpu_computed():
    cache = Cache(CacheOptions(device="cpu"))
    tensor = torch.randn(1000, 1000, device="cuda")
    cache.put("a", [tensor])
    before = torch.cuda.memory_allocated()
    expected = tensor.clone()
    del tensor
    assert torch.cuda.memory_allocated() == before
    restored = cache.get("a", last=True)[0]
    assert restored.is_cuda
    assert torch.equal(restored, expected)
