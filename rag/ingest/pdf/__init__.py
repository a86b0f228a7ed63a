"""PDF → headings and paragraphs."""
