"""A mapping: which column means what; records in, canonical products out."""
