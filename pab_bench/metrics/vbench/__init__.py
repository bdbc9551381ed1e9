"""VBench's dimensions as VBench computes them: its formulas, preprocessing and networks.

Source: Huang et al., "VBench: Comprehensive Benchmark Suite for Video Generative Models" (2024),
github.com/Vchitect/VBench at 45e79ec. The formulas need no weights and are checked against values
of the original code; a dimension whose weights are not here is missing, with their list.
"""
