"""Points as one file that others can check, unpack and sample again."""
