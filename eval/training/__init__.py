"""Training of the packaged models: a directory each, beside them what both share."""
