"""One file per system: builds the real pipeline and knows its depth, sites and timesteps."""
