"""Accounts and orders of the demo: data for `manage.py demo`, which needs DEBUG."""
