"""The schema of a reply goes to the model strict, and without titles, which repeat the names of the fields."""

from __future__ import annotations

from pydantic import BaseModel

from rag.llm.reply_schema import sent_schema


class Book(BaseModel):
    title: str
    pages: list[int]


class Shelf(BaseModel):
    books: list[Book]


def test_a_sent_schema_has_no_titles_but_fields_of_that_name() -> None:
    book = {
        "type": "object",
        "properties": {"title": {"type": "string"}, "pages": {"type": "array", "items": {"type": "integer"}}},
        "required": ["title", "pages"],
        "additionalProperties": False,
    }
    assert sent_schema(Shelf) == {
        "$defs": {"Book": book},
        "type": "object",
        "properties": {"books": {"type": "array", "items": {"$ref": "#/$defs/Book"}}},
        "required": ["books"],
        "additionalProperties": False,
    }
