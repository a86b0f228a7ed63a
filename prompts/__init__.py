"""Versioned Markdown templates for the model, installed as ``rag._prompts``; ``rag/prompts.py`` reads them."""
