"""reStructuredText → headings, paragraphs and code."""
