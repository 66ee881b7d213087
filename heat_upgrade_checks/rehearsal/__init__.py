"""The dress rehearsal: a backup restored into a scratch database and migrated there."""
