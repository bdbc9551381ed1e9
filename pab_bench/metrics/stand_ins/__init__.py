"""Offline stand-ins for VBench's dimensions, under names of their own.

They use VBench's formulas with smaller means in place of its networks. Their numbers compare among
themselves and never with VBench's.
"""
