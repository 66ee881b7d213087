"""What Heat is, as plain facts."""
