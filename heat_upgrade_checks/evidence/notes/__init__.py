"""Release notes: where they lie, what they say, and who has read them."""
