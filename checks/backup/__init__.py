"""What checks of the backup say."""

ANOTHER = "Make one now, and run this phase again."
