"""Training of the answer score: does a passage answer a question, in full, in part, or not at all."""
