"""From a validated configuration to a kept point: sampling, measuring, baseline, sweep."""
