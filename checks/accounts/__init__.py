"""Does Keystone take the accounts that Heat itself has there?"""
