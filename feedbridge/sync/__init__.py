"""Delivery and nightly sync: plan, apply, and never lose or repeat a product (docs/sync.md)."""
