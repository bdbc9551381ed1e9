"""What one command can do with a configuration: `task=NAME`."""
