"""A real Heat of any release from Zed (19) to 2026.2 (27), on the loopback interface."""
