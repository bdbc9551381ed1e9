"""What a plan costs: floating-point operations and memory, known before anything is sampled.

The real modules run once on PyTorch's `meta` device, which has shapes and no numbers: `counting`
notes what each site does there, `prediction` lays a plan over it, `conventions` says what counts.
"""
