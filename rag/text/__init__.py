"""Text of any document: sentences, words, and the entities in it."""
