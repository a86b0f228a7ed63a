"""Training of the adapter that makes the packaged model a writer of sections, summaries and conclusions."""
