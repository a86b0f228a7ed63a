"""The index on disk: vectors in Chroma, the lexical index, and the catalogue of documents."""
