"""The rule that tells sites from other modules, and branches apart."""

import pytest
import torch
from torch import nn

from pab_bench.systems.diffusers.discovery import discover
from pab_bench.systems.diffusers.modules import Candidate
from pab_bench.systems.diffusers.packing import layout_of, pack, unpack
from pab_bench.systems.diffusers.watching import Visited


def candidate(name, sort="attention"):
    head, _, rest = name.partition(".")
    number, _, local = rest.partition(".")
    if not local:
        return Candidate(nn.Identity(), sort, name)
    return Candidate(nn.Identity(), sort, name, head, int(number), local)


def groups(kinds):
    """By name the group and index of modules that are all called once."""
    found = [candidate(name) for name in kinds]
    visits = {name: [Visited(0, kind)] for name, kind in kinds.items()}
    sites = discover(found, visits, 1).sites
    return {site.name: (site.group.name, site.index) for site in sites}


def test_lists_and_streams_have_branches_of_their_own():
    assert groups(
        {
            "visual_blocks.0.attn": "spatial",
            "visual_blocks.0.ff": "mlp",
            "visual_blocks.0.ff_context": "mlp",
            "visual_blocks.1.attn": "spatial",
            "visual_blocks.1.ff": "mlp",
            "single_blocks.0.attn": "spatial",
            "text_blocks.0.ff": "mlp",
            "temporal_blocks.0.attn": "temporal",
            "temporal_blocks.0.ff": "mlp",
        }
    ) == {
        "visual_blocks.0.attn": ("spatial", 0),
        "visual_blocks.1.attn": ("spatial", 1),
        "visual_blocks.0.ff": ("mlp_spatial", 0),
        "visual_blocks.1.ff": ("mlp_spatial", 1),
        "visual_blocks.0.ff_context": ("mlp_text", 0),
        "single_blocks.0.attn": ("spatial_single", 0),
        "text_blocks.0.ff": ("mlp_text_blocks_ff", 0),  # `text` is taken.
        "temporal_blocks.0.attn": ("temporal", 0),
        "temporal_blocks.0.ff": ("mlp_temporal", 0),
    }


def test_several_modules_of_a_kind_in_a_block_are_apart():
    found = groups(
        {
            "blocks.0.attn1": "spatial",
            "blocks.0.audio_attn1": "spatial",
            "blocks.0.attn2": "cross",
            "blocks.0.audio_to_video": "cross",
            "more.0.attn1": "spatial",
        }
    )
    assert [name for name, _ in found.values()] == [
        "spatial",
        "spatial_audio",
        "cross",
        "cross_audio",
        "spatial_more",
    ]


@pytest.mark.parametrize(
    ("name", "visits", "reason"),
    [
        ("refiner", [Visited(0, "spatial"), Visited(1, "spatial")], "is in no list of blocks"),
        ("blocks.0.attn", [], "is never called"),
        ("blocks.0.attn", [Visited(0, "spatial")], "is called 1, 0 times"),
        ("blocks.0.attn", [Visited(n // 2, "mlp") for n in range(4)], "is called 2, 2 times"),
        ("blocks.0.attn", [Visited(0, "cross"), Visited(1, "spatial")], "cross and spatial"),
        ("blocks.0.attn", [Visited(0, None, "returned dict"), Visited(1, "mlp")], "returned dict"),
    ],
)
def test_what_is_no_site_is_listed_with_a_reason(name, visits, reason):
    found = discover([candidate(name)], {name: visits}, 2)
    assert found.sites == ()
    assert reason in found.left_out[name]


def test_results_are_packed_and_unpacked():
    a, b = torch.zeros(1), torch.ones(2)
    for result, packed in [(a, a), ((a, None), a), ((a, b), (a, b)), ((a, None, b), (a, b))]:
        assert pack(result) is packed or pack(result) == packed
        restored = unpack(packed, layout_of(result))
        assert restored is result or restored == result
    for nothing in (None, (None,), {"a": a}, (a, 1), [a]):
        with pytest.raises(TypeError, match="returned"):
            layout_of(nothing)
