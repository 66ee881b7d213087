"""Speed as a ratio to a peer or a raw command, measured in the same run."""
