"""One gate: its checks, its run, its verdict and its place in the upgrade."""
