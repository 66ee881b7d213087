"""Models, migrations and databases compared: pure functions that touch nothing outside."""
