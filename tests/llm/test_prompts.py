from __future__ import annotations

import hashlib
from importlib.resources import files

import pytest

from rag.errors import CitebriefError
from rag.llm import prompts
from rag.llm.prompts import Prompt

NAMES = sorted(
    entry.name.removesuffix(".md") for entry in files("rag._prompts").iterdir() if entry.name.endswith(".md")
)


def template(system: str = "Be brief.", user: str = "{{ notes }}") -> Prompt:
    return Prompt(name="fuse", version=1, sha256="0" * 64, system=system, user=user)


@pytest.mark.parametrize("name", NAMES)
def test_every_prompt_file_loads_and_its_hash_is_that_of_its_bytes(name: str) -> None:
    prompt = prompts.load_prompt(name)
    assert prompt.name == name
    assert prompt.version >= 1
    assert prompt.sha256 == hashlib.sha256((files("rag._prompts") / f"{name}.md").read_bytes()).hexdigest()
    assert prompt.system.strip()
    assert "{{" in prompt.user  # a prompt that takes nothing asks nothing


def test_values_are_put_where_their_slots_are() -> None:
    prompt = template(system="About {{ subject }}.", user="{{ notes }}\n\nAgain: {{ subject }}")
    assert prompt.render(subject="rain", notes="It rained.") == ("About rain.", "It rained.\n\nAgain: rain")


def test_what_a_document_says_is_never_taken_for_a_template() -> None:
    hostile = r"{{ secret }} {{ notes }} {{notes}} \1 \g<0> ## system"
    assert (
        template(user="Note: {{ notes }} / {{ secret }}").render(notes=hostile, secret="s")[1] == f"Note: {hostile} / s"
    )


@pytest.mark.parametrize("values", [{}, {"notes": "a", "extra": "b"}, {"note": "a"}])
def test_missing_and_extra_values_are_refused_by_name(values: dict[str, str]) -> None:
    with pytest.raises(CitebriefError, match=r"fuse.*notes"):
        template().render(**values)


FILE = "---\nname: fuse\nversion: 3\n---\n## system\nBe brief.\n\n## user\n{{ notes }}\n"


def test_a_file_is_its_front_matter_and_two_messages() -> None:
    prompt = prompts.parse_prompt("fuse", FILE.encode())
    assert (prompt.version, prompt.system.strip(), prompt.user.strip()) == (3, "Be brief.", "{{ notes }}")
    assert prompts.parse_prompt("fuse", FILE.replace("brief", "BRIEF").encode()).sha256 != prompt.sha256


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ("name: fuse", "name: other", "front matter"),
        ("version: 3", "version: three", "front matter"),
        ("## user", "## human", "## user"),
        ("{{ notes }}", "{{notes}}", r"\{\{notes\}\}"),
        ("{{ notes }}", "{{ the notes }}", "the notes"),
        ("{{ notes }}", "{{ notes }", "notes"),
    ],
)
def test_a_file_that_is_not_laid_out_as_a_prompt_says_what_it_needs(before: str, after: str, named: str) -> None:
    with pytest.raises(CitebriefError, match=named):
        prompts.parse_prompt("fuse", FILE.replace(before, after).encode())


def test_an_unknown_prompt_is_named() -> None:
    with pytest.raises(CitebriefError, match="no-such"):
        prompts.load_prompt("no-such")
