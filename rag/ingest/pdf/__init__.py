"""PDF to headings and paragraphs."""
