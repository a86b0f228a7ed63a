"""HTML → headings and paragraphs."""
