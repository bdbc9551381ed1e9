import json

import pytest
from systems.open_sora.small_vae import FIXTURE

from pab_bench.systems.open_sora.prompts import prepare_prompt, with_scores

EXAMPLES = json.loads((FIXTURE / "facts.json").read_text())["text"]["prompt_examples"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["prompt"][:20])
def test_upstreams_examples(example):
    assert with_scores(example["prompt"]) == example["with_score"]
    assert prepare_prompt(example["prompt"]) == example["cleaned"]


def test_scores_come_in_upstreams_order_and_precision():
    text = with_scores("Sea", aesthetic_score=7, motion_score=12.34, camera_motion="pan left")
    assert text == "Sea aesthetic score: 7.0. motion score: 12.3. camera motion: pan left."
    assert with_scores("Sea", aesthetic_score=None) == "Sea"


def test_what_the_prompt_says_itself_stands():
    prompt = "Sea motion score: 3.0."
    assert with_scores(prompt, 6.5, 9.0) == "Sea motion score: 3.0. aesthetic score: 6.5."
    prompt = "Sea camera motion: static."
    assert with_scores(prompt, None, None, "zoom in") == prompt


def test_without_cleaning_only_case_and_blanks_at_the_ends_change():
    assert prepare_prompt("  A (Red) Fox ", clean=False) == "a (red) fox  aesthetic score: 6.5."
