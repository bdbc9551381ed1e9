"""The cleaning of prompts that Open-Sora and Open-Sora-Plan inherited from DeepFloyd IF.

diffusers keeps it as a method of several pipelines, of which one is used here. Open-Sora's own copy
removes blanks at the ends also half-way. So it takes one more of `' _ , - : ;` from the beginning
or the end of a prompt where two or more of these stand beside something that is removed, a bracket
or an address, as in `(,,cat`. Otherwise the two agree.
"""

from __future__ import annotations

from diffusers import LattePipeline


class _Cleaner:
    """The method and the one attribute that it uses, without a pipeline."""

    bad_punct_regex = LattePipeline.bad_punct_regex
    clean = LattePipeline._clean_caption


def clean_prompt(prompt: str) -> str:
    """Lower case; without addresses, markup, CJK characters, file names, and odd punctuation.

    Upstream cleans twice, and the second time may remove more.
    """
    cleaner = _Cleaner()
    return cleaner.clean(cleaner.clean(prompt))
