"""Records an upgrade as it goes."""
