"""STDiT3: sizes, masks, positions; its numbers are checked against golden data elsewhere."""

import subprocess
import sys

import pytest
import torch

from pab_bench.systems.open_sora.layers import QueryKeyNorm, RotaryEmbedding, position_embedding
from pab_bench.systems.open_sora.transformer import STDiT3Transformer


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return STDiT3Transformer(
        depth=2, hidden_size=32, num_heads=2, caption_channels=8, model_max_length=6
    ).eval()


@torch.no_grad()
def call(model, size=(3, 4, 6), mask=None, text=None, **more):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2, 4, *size, generator=generator)
    if text is None:
        text = torch.randn(2, 6, 8, generator=generator)
    return model(x, torch.tensor([500.0, 500.0]), text, mask, return_dict=False, **more)[0]


@pytest.mark.parametrize("size", [(3, 4, 6), (1, 5, 7), (2, 3, 4)])
def test_the_output_has_the_latents_size(model, size):
    assert call(model, size).shape == (2, 8, *size)


def test_words_beyond_the_mask_do_not_matter(model):
    text = torch.randn(2, 6, 8, generator=torch.Generator().manual_seed(2))
    changed = text.clone()
    changed[:, 4:] += 1
    mask = torch.tensor([[1, 1, 1, 1, 0, 0]])
    assert torch.equal(call(model, mask=mask, text=text), call(model, mask=mask, text=changed))
    assert not torch.equal(call(model, text=text), call(model, text=changed))


def test_rows_with_different_masks_equal_each_row_alone(model):
    text = torch.randn(2, 6, 8, generator=torch.Generator().manual_seed(2))
    mask = torch.tensor([[1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 0]])
    both = call(model, mask=mask, text=text)
    for row in range(2):
        same = call(model, mask=mask[row : row + 1], text=text)
        torch.testing.assert_close(both[row], same[row], atol=1e-5, rtol=1e-5)


def test_conditioning_matters(model):
    usual = call(model)
    for change in ({"fps": torch.tensor([120.0])}, {"height": 64.0}):
        assert not torch.equal(usual, call(model, **change))


def test_rotation_keeps_lengths_and_depends_on_differences_only():
    rope = RotaryEmbedding(8)
    x = torch.randn(1, 5, 8).expand(1, 5, 8)
    same = x[:, :1].expand(1, 5, 8)
    rotated = rope(same)
    torch.testing.assert_close(rotated.norm(dim=-1), same.norm(dim=-1))
    products = rotated[0] @ rotated[0].T
    torch.testing.assert_close(products[0, 1], products[3, 4])


def test_the_norm_has_unit_size_and_keeps_the_dtype():
    x = torch.randn(3, 16, dtype=torch.bfloat16) * 50
    y = QueryKeyNorm(16)(x)
    assert y.dtype == torch.bfloat16 or y.dtype == torch.float32
    torch.testing.assert_close(y.float().square().mean(-1), torch.ones(3), atol=2e-2, rtol=2e-2)


def test_positions_are_squeezed_to_one_span():
    small = position_embedding(16, 4, 4, 1.0, torch.device("cpu"))
    scaled = position_embedding(16, 4, 4, 2.0, torch.device("cpu"))
    assert small.shape == (1, 16, 16)
    assert torch.equal(small[0, 2], scaled[0, 4 * 0 + 2]) is False
    # The first half of the channels is the column's: equal along a column.
    assert torch.equal(small[0, 1, :8], small[0, 13, :8])
    assert torch.equal(small[0, 4, 8:], small[0, 7, 8:])


def test_widths_that_do_not_divide_are_refused():
    with pytest.raises(ValueError, match="hidden_size=30"):
        STDiT3Transformer(depth=1, hidden_size=30, num_heads=2)


@pytest.mark.slow
def test_the_full_model_takes_no_time_and_no_memory_on_meta():
    """Must-show of the design: under 10 seconds and 2 GiB, imports included."""
    code = (
        "import time\n"
        "import pab_bench.imports.torchvision, torch\n"
        "from pab_bench.systems.open_sora.transformer import STDiT3Transformer\n"
        "imported = time.perf_counter()\n"
        "with torch.device('meta'): model = STDiT3Transformer()\n"
        "assert sum(p.numel() for p in model.parameters()) == 1_207_643_972\n"
        "print(time.perf_counter() - imported)\n"
        # Unlike getrusage's, it is not that of the process that started this one.
        "lines = open('/proc/self/status').read().splitlines()\n"
        "print(next(line.split()[1] for line in lines if line.startswith('VmHWM')))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, kibibytes = (float(line) for line in done.stdout.split())
    assert seconds < 10
    assert kibibytes < 2 * 1024**2
