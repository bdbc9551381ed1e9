"""What Open-Sora 1.2 makes of a prompt before it is tokenised.

Source: hpcaitech/Open-Sora, branch opensora/v1.2, `opensora/utils/inference_utils.py`. The released
model was trained on captions that end with scores, and is told at sampling what it should aim at.
"""

from __future__ import annotations

from pab_bench.systems.text_cleaning import clean_prompt

AESTHETIC_SCORE = 6.5
"""The score that the released sampling configurations ask for."""


def with_scores(
    prompt: str,
    aesthetic_score: float | None = AESTHETIC_SCORE,
    motion_score: float | None = None,
    camera_motion: str | None = None,
) -> str:
    """The prompt with what it does not yet say about scores and camera.

    Args:
        prompt: as the user wrote it; what it says itself in the words of the suffix stands.
        aesthetic_score: looks, about 4 to 7; None to say nothing.
        motion_score: amount of motion; None to say nothing.
        camera_motion: such as `pan left`, `zoom in`, `static`; None to say nothing.
    """
    suffixes = {
        "aesthetic score:": None if aesthetic_score is None else f"{aesthetic_score:.1f}",
        "motion score:": None if motion_score is None else f"{motion_score:.1f}",
        "camera motion:": camera_motion,
    }
    missing = [
        f" {name} {value}."
        for name, value in suffixes.items()
        if value is not None and name not in prompt
    ]
    return prompt + "".join(missing)


def prepare_prompt(
    prompt: str,
    aesthetic_score: float | None = AESTHETIC_SCORE,
    motion_score: float | None = None,
    camera_motion: str | None = None,
    clean: bool = True,
) -> str:
    """The text for the tokenizer: scores first, then cleaned.

    Args:
        prompt: as for `with_scores`, like the next three.
        aesthetic_score: likewise.
        motion_score: likewise.
        camera_motion: likewise.
        clean: clean as in training; otherwise only lower case, without blanks at the ends.
    """
    text = with_scores(prompt, aesthetic_score, motion_score, camera_motion)
    return clean_prompt(text) if clean else text.lower().strip()
