"""The only code that touches the outside: a room for each thing that is asked."""
