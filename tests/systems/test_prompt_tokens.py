"""What a tokenizer makes of prompts is what the text encoder then gets."""

import pytest

from pab_bench.config.compose import compose
from pab_bench.experiment.prompt_notices import notices, prompt_notices
from pab_bench.experiment.session import digest
from pab_bench.systems.registry import load_sampler, read_prompts

KNOWN = "a small red circle moves left slowly over a black background"
PROMPTS = (
    KNOWN,
    KNOWN.upper(),
    "foo bar baz",
    "zzz yyy xxx",
    "a toilet",
    "a bowl",
    "a bowl!",
    f"{KNOWN} and then {KNOWN}",
    f"{KNOWN} and then {KNOWN} again",
)


@pytest.mark.parametrize("name", ["latte_mini", "open_sora_mini", "open_sora_plan_mini"])
def test_equal_digests_are_equal_embeddings(name):
    model = compose(model=name).model
    sampler = load_sampler(model, "cpu", "float32")
    tokens = read_prompts(model, PROMPTS)
    assert tokens == [sampler.tokens(prompt) for prompt in PROMPTS]
    embeddings = [digest(sampler.encode(prompt).conditional) for prompt in PROMPTS]
    for first, own in zip(tokens, embeddings, strict=True):
        for second, other in zip(tokens, embeddings, strict=True):
            assert (first.digest == second.digest) == (own == other)
    read = [sampler.encode(prompt).tokens for prompt in PROMPTS]
    assert [own.kept for own in tokens] == read


def test_what_is_cut_off_and_not_known():
    model = compose(model="open_sora_plan_mini").model
    whole, cut = read_prompts(model, ["a red circle", f"{KNOWN} and then {KNOWN}"])
    assert (whole.count, whole.kept, whole.dropped, whole.unknown) == (4, 4, "", ())
    assert (cut.count, cut.kept) == (26, 16)
    assert cut.dropped == "small red circle moves left slowly over a black background"
    assert cut.unknown == ("and", "then")


def test_the_notices_name_prompts_and_words():
    prompts = ["foo bar baz", "qux quux corge", "zzz yyy xxx", KNOWN]
    settings = compose(prompts=prompts)
    unknown, same = prompt_notices([settings, settings])
    assert unknown.startswith("3 of 4 prompts have words that latte_mini does not know: 'foo', ")
    assert same.startswith("4 prompts are 2 to latte_mini, which reads the same tokens in ")
    assert "'foo bar baz' = 'qux quux corge' = 'zzz yyy xxx'" in same
    assert prompt_notices([compose()]) == []
    # Nothing is downloaded only to say something.
    assert prompt_notices([compose(model="latte", prompts=prompts)]) == []


def test_a_prompt_that_is_cut_is_told():
    settings = compose(model="open_sora_plan_mini", prompts=[f"{KNOWN} over {KNOWN}"])
    tokens = read_prompts(settings.model, settings.prompts)
    (cut,) = notices("it", settings.prompts, tokens)
    assert cut.startswith(
        "1 of 1 prompts are longer than the 16 tokens that it reads: 'a small red"
    )
    assert "has 24, without 'circle moves" in cut


def test_the_ready_sets_say_how_many_videos_they_are():
    for name, texts, distinct in (("vbench", 944, 289), ("vbench_small", 22, 20)):
        settings = compose(prompts=name)
        assert len(settings.prompts) == texts
        tokens = read_prompts(settings.model, settings.prompts)
        assert len({own.digest for own in tokens}) == distinct
