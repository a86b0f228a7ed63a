"""HTML to headings and paragraphs."""
