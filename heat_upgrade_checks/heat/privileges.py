"""What Heat's account must be allowed in its database."""

# What db_sync and the services do. DROP is for a migration that ends badly and for downgrades.
NEEDED = (
    *("SELECT", "INSERT", "UPDATE", "DELETE"),
    *("CREATE", "ALTER", "DROP", "INDEX", "REFERENCES"),
)
