import pytest

from pab_bench.systems.text_cleaning import clean_prompt

# Recorded from Open-Sora-Plan's pipeline, by VideoSys 4cce477.
PAIRS = [
    ("Sunset over the sea.", "sunset over the sea."),
    (
        "A (red) car #1 @user at 4K, 3840x2160!!  https://example.com/x.mp4",
        "a red car at 4k, !! .",
    ),
    (
        "  \u201cSmart\u201d quotes \u2014 dashes & <person> \\n newline  ",
        '"smart" quotes - dashes person newline',
    ),
    ("a-b-c-d-e_f drone_shot", "a b c d e f drone shot"),
    ("Photo.jpg free shipping 123456789 cat", "cat"),
]


@pytest.mark.parametrize(("prompt", "cleaned"), PAIRS)
def test_upstreams_examples(prompt, cleaned):
    assert clean_prompt(prompt) == cleaned


def test_what_the_first_pass_uncovers_is_removed_by_the_second():
    assert clean_prompt(":, a dog") == "a dog"
