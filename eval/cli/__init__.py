"""Ways in: the commands of `citebrief eval` and the pytest plugin."""
