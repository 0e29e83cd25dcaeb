"""Refund under random failures and check that none is lost or doubled: see docs/reliability.md."""
