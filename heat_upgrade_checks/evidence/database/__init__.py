"""Heat's database: its services, its schema and its server."""
