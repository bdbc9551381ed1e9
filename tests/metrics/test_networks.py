"""Networks of `transformers` under published names: against blocks written with torch alone."""

import gzip
import json

import pytest
import torch
from metrics.seeded import seeded_state
from torch.nn import functional

from pab_bench.errors import MetricUnavailable
from pab_bench.metrics.networks import clip, dino, viclip
from pab_bench.metrics.networks.clip_tokens import ClipTokens
from pab_bench.metrics.networks.loading import build, part
from pab_bench.metrics.networks.names import renamed

NETWORKS = {
    "background_consistency": (clip.clip_images, clip.image_state, "proj"),
    "subject_consistency": (dino.dino, dino.transformers_state, "cls_token"),
    "overall_consistency": (viclip.viclip, viclip.transformers_state, "temp"),
}


@pytest.fixture(scope="module")
def published(fixture_folder):
    goldens = json.loads((fixture_folder / "network_goldens.json").read_text("utf-8"))
    return {
        name: {k: torch.tensor(v) for k, v in seeded_state(goldens[name]["shapes"]).items()}
        for name in NETWORKS
    }


def network(name, state):
    make, translate, _ = NETWORKS[name]
    return build(make, state, "a file", "cpu", translate)


def attention(tokens, state, fused, out, mask=None):
    """By torch's own module, which takes query, key and value below each other, as the files."""
    module = torch.nn.MultiheadAttention(tokens.shape[-1], tokens.shape[-1] // 64, batch_first=True)
    (weight, bias), own = fused, part(state, out)
    names = {f"out_proj.{name}": tensor for name, tensor in own.items()}
    module.load_state_dict({"in_proj_weight": weight, "in_proj_bias": bias, **names})
    return module(tokens, tokens, tokens, attn_mask=mask, need_weights=False)[0]


def norm(tokens, state, name, eps=1e-5):
    weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
    return functional.layer_norm(tokens, tokens.shape[-1:], weight, bias, eps)


def linear(tokens, state, name):
    return functional.linear(tokens, state[f"{name}.weight"], state[f"{name}.bias"])


def clip_blocks(tokens, state, mask=None):
    for number in range(2):
        own = part(state, f"transformer.resblocks.{number}.")
        fused = own["attn.in_proj_weight"], own["attn.in_proj_bias"]
        tokens = tokens + attention(norm(tokens, own, "ln_1"), own, fused, "attn.out_proj.", mask)
        hidden = linear(norm(tokens, own, "ln_2"), own, "mlp.c_fc")
        tokens = tokens + linear(hidden * torch.sigmoid(1.702 * hidden), own, "mlp.c_proj")
    return tokens


def close(ours, expected):
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_clip_images(published):
    state = published["background_consistency"]
    images = torch.randn(3, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    patches = functional.conv2d(images, state["conv1.weight"], stride=32).flatten(2).mT
    first = state["class_embedding"].expand(3, 1, -1)
    tokens = torch.cat([first, patches], dim=1) + state["positional_embedding"]
    tokens = clip_blocks(norm(tokens, state, "ln_pre"), state)
    expected = norm(tokens[:, 0], state, "ln_post") @ state["proj"]
    close(network("background_consistency", state)(images), expected)


@torch.inference_mode()
def test_clip_texts_see_no_later_token(published):
    state = part(published["overall_consistency"], "text_encoder.")
    words, length = len(state["token_embedding.weight"]), len(state["positional_embedding"])
    tokens = torch.randint(words - 2, (length,), generator=torch.Generator().manual_seed(2))
    tokens[0], tokens[9] = words - 2, words - 1
    embedded = state["token_embedding.weight"][tokens] + state["positional_embedding"]
    later = torch.ones(length, length, dtype=torch.bool).triu(1)
    seen = norm(clip_blocks(embedded[None], state, later), state, "ln_final")
    ours = network("overall_consistency", published["overall_consistency"]).text_encoder
    close(ours(tokens[None]), seen[:, 9] @ state["text_projection"])


@torch.inference_mode()
def test_dino(published):
    state = published["subject_consistency"]
    images = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(3))
    weight, bias = state["patch_embed.proj.weight"], state["patch_embed.proj.bias"]
    patches = functional.conv2d(images, weight, bias, stride=16).flatten(2).mT
    tokens = torch.cat([state["cls_token"].expand(2, 1, -1), patches], dim=1) + state["pos_embed"]
    for number in range(2):
        own = part(state, f"blocks.{number}.")
        fused = own["attn.qkv.weight"], own["attn.qkv.bias"]
        tokens = tokens + attention(norm(tokens, own, "norm1", 1e-6), own, fused, "attn.proj.")
        hidden = functional.gelu(linear(norm(tokens, own, "norm2", 1e-6), own, "mlp.fc1"))
        tokens = tokens + linear(hidden, own, "mlp.fc2")
    close(network("subject_consistency", state)(images), norm(tokens[:, 0], state, "norm", 1e-6))


@pytest.mark.parametrize("name", NETWORKS)
def test_every_tensor_is_accounted_for(name, published):
    state, lost = published[name], NETWORKS[name][2]
    network(name, state)
    with pytest.raises(MetricUnavailable, match=f"a file: .*{lost}"):
        network(name, {key: value for key, value in state.items() if key != lost})
    with pytest.raises(MetricUnavailable, match="one_more"):
        network(name, {**state, "one_more": torch.zeros(1)})
    fused = next(key for key in state if "in_proj_weight" in key or "qkv.weight" in key)
    with pytest.raises(MetricUnavailable, match="a file: "):
        network(name, {**state, fused: state[fused][:-1]})


def test_two_tensors_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two tensors are called new"):
        renamed({"old": torch.zeros(1), "new": torch.zeros(1)}, ((r"^old$", "new"),))


def test_fused_tensors_are_split():
    fused = torch.arange(6.0).reshape(6, 1)
    split = renamed({"a.qkv.weight": fused, "b": fused}, ((r"\.qkv\.", ".{}_proj."),))
    assert list(split) == ["a.q_proj.weight", "a.k_proj.weight", "a.v_proj.weight", "b"]
    assert split["a.k_proj.weight"].flatten().tolist() == [2, 3]
    with pytest.raises(ValueError, match="shorter"):
        renamed({"a.qkv.weight": fused[:1]}, ((r"\.qkv\.", ".{}_proj."),))


def vocabulary(folder, *merges):
    path = folder / "vocabulary.txt.gz"
    path.write_bytes(gzip.compress("\n".join(["#version: 0.2", *merges]).encode()))
    return path


def test_texts_are_cleaned_as_clip_does(tmp_path):
    tokens = ClipTokens(vocabulary(tmp_path, "c a", "ca t</w>"))
    start, cat, end = 514, 513, 515
    assert tokens.encode("CAT\n cat", 6) == [start, cat, cat, end, 0, 0]
    assert tokens.encode("cat " * 9, 4) == [start, cat, cat, end]
    assert tokens.encode("&amp;lt;", 4) == tokens.encode("<", 4)
    # Broken text is mended; a capital sigma at a word's end is lowered to the one for ends.
    assert tokens.encode("cafÃ©", 9) == tokens.encode("café", 9)
    capitals, lowered = "\u03a3\u03a3", "\u03c3\u03c2"
    assert tokens.encode(capitals, 9) == tokens.encode(lowered, 9)
    assert tokens.encode(capitals, 9) != tokens.encode("\u03c3\u03c3", 9)
    # A text is composed; what its entities add is not (beside a `<`, ftfy leaves them alone).
    assert tokens.encode("< e\u0301", 9) == tokens.encode("< é", 9)
    assert tokens.encode("< e&#769;", 9) != tokens.encode("< é", 9)


@pytest.mark.parametrize("line", ["one", "three of them", ""])
def test_a_line_that_is_no_merge(line, tmp_path):
    with pytest.raises(MetricUnavailable, match=r"vocabulary\.txt\.gz: no vocabulary"):
        ClipTokens(vocabulary(tmp_path, "c a", line))
