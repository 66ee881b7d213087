"""The embedded deployment: a small Heat that can be upgraded without installing one."""
