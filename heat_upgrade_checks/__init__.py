"""Gates between the steps of an OpenStack Heat upgrade."""

__version__ = "0.1.0"
