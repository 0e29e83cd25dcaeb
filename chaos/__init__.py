"""The long proof that no refund is lost and none is made twice: see docs/reliability.md."""
