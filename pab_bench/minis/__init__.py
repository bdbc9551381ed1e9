"""Small, really trained models of real architectures: data, training, evaluation, checkpoints."""
