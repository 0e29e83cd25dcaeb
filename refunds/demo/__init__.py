"""The demo's accounts and orders: data for `manage.py demo`, which works with DEBUG on only."""
