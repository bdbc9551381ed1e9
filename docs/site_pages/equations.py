"""Equations are MathML, which browsers draw by themselves: a page asks nobody for a script."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from latex2mathml.converter import convert


def register(app: Any) -> None:
    """Tell Sphinx how the equations of a page are written; `mathml` in `html_math_renderer`."""
    app.add_html_math_renderer("mathml", (_inline, None), (_displayed, None))


def _inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(convert(node.astext(), display="inline"))
    raise nodes.SkipNode


def _displayed(translator: Any, node: nodes.math_block) -> None:
    equation = convert(node.astext(), display="block")
    translator.body.append(f'<div class="equation">{equation}</div>\n')
    raise nodes.SkipNode
