"""What this tool itself found before: earlier gates, the last rehearsal."""
