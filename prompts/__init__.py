"""Versioned Markdown templates for the model, installed as ``rag._prompts``; ``rag/llm/prompts.py`` reads them."""
