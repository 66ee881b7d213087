"""The accounts that Heat itself has at Keystone."""
