"""A run: sources, mapping, rules and platforms joined, and the folder it leaves."""
