"""Networks that metrics look through; their weights are those of the original programs."""
