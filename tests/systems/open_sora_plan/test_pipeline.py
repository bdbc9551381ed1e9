import numpy as np
import pytest
import torch
from systems.open_sora_plan.seeded import numbers
from systems.open_sora_plan.small import PROMPT, WORDS, small_pipeline

from pab_bench.systems.open_sora_plan.pipeline import OpenSoraPlanPipeline

STEPS = 4
CALLS = STEPS + 9


@pytest.fixture(scope="module")
def pipeline():
    return small_pipeline()


def sample(pipeline, prompt=PROMPT, seed=0, **changes):
    arguments = {"num_inference_steps": STEPS, "output_type": "latent"} | changes
    generator = torch.Generator().manual_seed(seed)
    return pipeline(prompt, generator=generator, **arguments).frames


def test_saved_and_loaded_it_makes_the_same_video(pipeline, tmp_path):
    pipeline.save_pretrained(tmp_path)
    loaded = OpenSoraPlanPipeline.from_pretrained(tmp_path, local_files_only=True)
    loaded.set_progress_bar_config(disable=True)
    assert torch.equal(sample(loaded), sample(pipeline))


def test_one_prompt_is_cut_to_its_words_and_several_are_masked(pipeline):
    words = len(pipeline.tokenizer(PROMPT).input_ids)
    alone, negative = pipeline.encode_prompt(PROMPT)
    assert alone.shape == negative.shape
    assert alone.shape[1] == words < WORDS
    together, negatives = pipeline.encode_prompt([PROMPT, "a small blue square moves left"])
    assert together.shape == negatives.shape
    assert together.shape[:2] == (2, WORDS)
    assert torch.equal(together[0, :words], alone[0])
    assert not together[0, words:].any()
    assert negatives[:, 2:].any()  # The negative prompt's padding stays.
    assert torch.equal(negatives[0, :words], negative[0])
    kept = pipeline.encode_prompt(PROMPT, mask_feature=False)[0]
    assert kept.shape[1] == WORDS


def test_prompts_are_cleaned_or_lowered(pipeline):
    clean = pipeline.encode_prompt("A red (circle) #1")[0]
    assert torch.equal(clean, pipeline.encode_prompt("a red circle", clean_caption=False)[0])
    lowered = pipeline.encode_prompt("A RED circle", clean_caption=False)[0]
    assert torch.equal(lowered, pipeline.encode_prompt("a red circle", clean_caption=False)[0])


def test_a_prompt_that_is_too_long_is_cut_with_a_warning(pipeline, caplog):
    features = pipeline.encode_prompt("red " * 40)[0]
    assert features.shape[1] == WORDS
    assert "cut to 24 of 41 tokens" in caplog.text


def test_every_call_is_reported_and_can_change_the_latents(pipeline):
    seen = []

    def callback(pipe, call, timestep, tensors):
        assert pipe is pipeline
        seen.append((call, int(timestep), sorted(tensors)))
        if call == CALLS - 1:
            return {"latents": torch.zeros_like(tensors["latents"])}
        return {}

    names = ("latents", "prompt_embeds", "negative_prompt_embeds")
    latents = sample(
        pipeline, callback_on_step_end=callback, callback_on_step_end_tensor_inputs=names
    )
    assert [call for call, _, _ in seen] == list(range(CALLS))
    assert [t for _, t, _ in seen] == [
        *(750, 625, 625, 500, 500, 375, 375, 250, 250, 125, 125, 0, 0),
    ]
    assert seen[0][2] == sorted(names)
    assert not latents.any()


def test_a_callback_can_interrupt(pipeline):
    calls = []

    def stop(pipe, call, timestep, tensors):
        calls.append(call)
        pipe._interrupt = call == 2
        return {}

    sample(pipeline, callback_on_step_end=stop)
    assert calls == [0, 1, 2]
    assert sample(pipeline).isfinite().all()  # The next video is not interrupted.


def test_seeds_latents_and_several_videos(pipeline):
    shape = (1, 4, 3, 8, 8)
    assert torch.equal(sample(pipeline), sample(pipeline))
    assert not torch.equal(sample(pipeline), sample(pipeline, seed=1))
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(shape, generator=generator)
    assert torch.equal(sample(pipeline), sample(pipeline, latents=noise))
    assert torch.equal(noise, torch.randn(shape, generator=torch.Generator().manual_seed(0)))
    pair = sample(pipeline, num_videos_per_prompt=2, latents=torch.cat([noise, noise]))
    assert torch.equal(pair[0], pair[1])
    assert torch.allclose(pair[:1], sample(pipeline), rtol=1e-3, atol=1e-3)
    prompts = [PROMPT, "a small blue square moves left"]
    assert sample(pipeline, prompts).shape == (2, *shape[1:])
    with pytest.raises(ValueError, match=r"latents: expected \(1, 4, 3, 8, 8\)"):
        sample(pipeline, latents=noise[:, :, :2])


def test_given_features_equal_the_prompt(pipeline):
    text, negative = pipeline.encode_prompt(PROMPT)
    given = {"prompt_embeds": text, "negative_prompt_embeds": negative}
    assert torch.equal(sample(pipeline, None, **given), sample(pipeline))
    # Without the negative features the negative prompt is encoded to their length.
    alone = sample(pipeline, None, prompt_embeds=text)
    assert alone.shape == (1, 4, 3, 8, 8)
    other = sample(pipeline, None, prompt_embeds=text, negative_prompt="red")
    assert not torch.equal(alone, other)


def test_guidance_up_to_one_is_none(pipeline):
    batches = []
    hook = pipeline.transformer.register_forward_pre_hook(
        lambda module, args, kwargs: batches.append(len(kwargs["hidden_states"])), with_kwargs=True
    )
    try:
        plain = sample(pipeline, guidance_scale=1.0)
        assert set(batches) == {1}
        assert not torch.equal(plain, sample(pipeline, guidance_scale=7.5))
        assert batches[CALLS:] == [2] * CALLS
    finally:
        hook.remove()


def test_output_types(pipeline):
    latents = numbers((1, 4, 2, 4, 4), 0)
    uint8 = pipeline.decode_latents(latents, "uint8")
    assert uint8.shape == (1, 5, 32, 32, 3)
    assert uint8.dtype == np.uint8
    floats = pipeline.decode_latents(latents, "np")
    # Upstream truncates where diffusers' images are rounded.
    assert np.array_equal(uint8, (floats * 255).astype(np.uint8))
    assert pipeline.decode_latents(latents, "pt").shape == (1, 5, 3, 32, 32)
    images = pipeline.decode_latents(latents, "pil")
    assert [len(images), len(images[0]), images[0][0].size] == [1, 5, (32, 32)]
    whole = pipeline(
        PROMPT, num_inference_steps=STEPS, num_frames=9, output_type="uint8", return_dict=False
    )
    assert whole[0].shape == (1, 9, 64, 64, 3)


def test_latents_are_scaled_before_decoding(pipeline):
    latents = numbers((1, 4, 2, 4, 4), 0)
    with torch.no_grad():
        video = pipeline.vae.decode(latents / 0.18215).sample
    expected = ((video / 2 + 0.5).clamp(0, 1) * 255).to(torch.uint8)
    ours = torch.from_numpy(pipeline.decode_latents(latents)).permute(0, 4, 1, 2, 3)
    assert torch.equal(ours, expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prompt": None}, "prompt, prompt_embeds: expected one of the two"),
        ({"prompt_embeds": torch.zeros(1, 4, 64)}, "expected one of the two"),
        ({"negative_prompt_embeds": torch.zeros(1, 4, 64)}, "needs prompt_embeds"),
        ({"output_type": "gif"}, "output_type: expected one of"),
        ({"num_inference_steps": 3}, "num_inference_steps: must be at least 4, got 3"),
        ({"num_frames": 10}, "num_frames: must be 1 more than a multiple of 4: 10"),
        ({"height": 72}, "height: must be a positive multiple of 16, got 72"),
        ({"width": 8}, "width: must be a positive multiple of 16, got 8"),
        ({"negative_prompt": ["red", "blue"]}, "one for each of 1 prompts, got 2"),
        ({"callback_on_step_end_tensor_inputs": ["noise"]}, r"got \['noise'\]"),
    ],
)
def test_contradictions_are_refused(pipeline, changes, message):
    with pytest.raises(ValueError, match=message):
        sample(pipeline, **changes)


def test_features_of_different_shapes_are_refused(pipeline):
    with pytest.raises(ValueError, match="expected the shape of prompt_embeds"):
        pipeline(prompt_embeds=torch.zeros(1, 4, 64), negative_prompt_embeds=torch.zeros(1, 5, 64))


def test_without_a_text_encoder_features_are_needed(pipeline):
    bare = OpenSoraPlanPipeline(None, None, pipeline.vae, pipeline.transformer, pipeline.scheduler)
    with pytest.raises(ValueError, match="give prompt_embeds"):
        bare(PROMPT, num_inference_steps=STEPS)
