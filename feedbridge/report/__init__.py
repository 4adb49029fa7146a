"""Findings and counts made readable: terminal, log lines, progress, catalogue of codes."""
