"""Each release's code, asked in its own interpreter or read from its files."""
