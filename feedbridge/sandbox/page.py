"""The page at ``/``."""

def render_page(store, faults, *, now, platform="", feed="", page="", before=""):
    return "<!DOCTYPE html><title>sandbox</title>"
