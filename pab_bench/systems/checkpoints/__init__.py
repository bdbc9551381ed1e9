"""Whether a checkpoint is what it says: every file read, every tensor accounted for."""
