"""Formulas of timesteps, so that they are known before a scheduler is loaded."""
