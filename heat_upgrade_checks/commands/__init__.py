"""What an operator calls besides a gate."""
