"""From a baseline's curves to rules that meet a target, proven by real samples."""
