"""What the rows of the database tell of stacks."""
