"""Sources: bytes in, records with their place out; they know neither products nor platforms."""
