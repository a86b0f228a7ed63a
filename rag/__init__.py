"""citebrief: briefs in which every sentence cites the retrieved passages that state it."""
