"""Heat's API."""
