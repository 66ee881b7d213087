"""Facts of several sources, joined; nothing is asked and nothing is judged."""
