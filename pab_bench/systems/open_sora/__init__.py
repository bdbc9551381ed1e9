"""Open-Sora 1.2: STDiT3, its autoencoder, rectified flow, text handling and sizes."""
