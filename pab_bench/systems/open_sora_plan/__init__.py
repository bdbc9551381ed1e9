"""Open-Sora-Plan v1.1.0: `LatteT2V`, the causal video autoencoder and the pipeline."""
