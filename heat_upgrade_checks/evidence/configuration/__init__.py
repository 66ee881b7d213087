"""Each release's configuration."""
