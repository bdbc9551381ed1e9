"""Points of others, sampled again here, and what agrees."""
