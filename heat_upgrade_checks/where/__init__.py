"""Tells how far an upgrade has come, and the next safe step."""
