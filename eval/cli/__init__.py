"""Entry points of the evaluation: the commands of ``citebrief eval`` and the pytest plugin."""
