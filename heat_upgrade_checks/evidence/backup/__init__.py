"""The backup of Heat's database."""
