"""Measures how long the transformer's calls take, so that a speedup can be trusted."""
