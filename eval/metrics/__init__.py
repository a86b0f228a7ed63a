"""The metrics of citations and retrieval, and their intervals."""
