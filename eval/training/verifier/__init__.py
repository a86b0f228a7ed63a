"""Training of the packaged support model."""
