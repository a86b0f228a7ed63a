"""Prompt files and how their slots are filled."""

from __future__ import annotations

import hashlib
from importlib.resources import files

import pytest

from rag.errors import CitebriefError
from rag.llm import Prompt, load_prompt
from rag.llm.prompts import parse_prompt

NAMES = sorted(
    entry.name.removesuffix(".md") for entry in files("rag._prompts").iterdir() if entry.name.endswith(".md")
)


def template(system: str = "Be brief.", user: str = "{{ evidence }}") -> Prompt:
    return Prompt(name="merge", version=1, sha256="0" * 64, system=system, user=user)


@pytest.mark.parametrize("name", NAMES)
def test_every_prompt_loads_with_the_hash_of_its_bytes(name: str) -> None:
    prompt = load_prompt(name)
    assert prompt.name == name
    assert prompt.version >= 1
    assert prompt.sha256 == hashlib.sha256((files("rag._prompts") / f"{name}.md").read_bytes()).hexdigest()
    assert prompt.system.strip()
    assert "{{" in prompt.user  # every prompt takes a value


def test_values_replace_their_slots() -> None:
    prompt = template(system="About {{ subject }}.", user="{{ evidence }}\n\nAgain: {{ subject }}")
    assert prompt.render(subject="rain", evidence="It rained.") == ("About rain.", "It rained.\n\nAgain: rain")


def test_values_that_look_like_templates_are_inserted_unchanged() -> None:
    hostile = r"{{ secret }} {{ evidence }} {{evidence}} \1 \g<0> ## system"
    prompt = template(user="Evidence: {{ evidence }} / {{ secret }}")
    assert prompt.render(evidence=hostile, secret="s")[1] == f"Evidence: {hostile} / s"


@pytest.mark.parametrize("values", [{}, {"evidence": "a", "extra": "b"}, {"sentence": "a"}])
def test_missing_and_extra_values_are_named_in_the_error(values: dict[str, str]) -> None:
    with pytest.raises(CitebriefError, match=r"merge.*evidence"):
        template().render(**values)


FILE = "---\nname: merge\nversion: 3\n---\n## system\nBe brief.\n\n## user\n{{ evidence }}\n"


def test_a_file_has_front_matter_and_two_messages() -> None:
    prompt = parse_prompt("merge", FILE.encode())
    assert (prompt.version, prompt.system.strip(), prompt.user.strip()) == (3, "Be brief.", "{{ evidence }}")
    assert parse_prompt("merge", FILE.replace("brief", "BRIEF").encode()).sha256 != prompt.sha256


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ("name: merge", "name: other", "front matter"),
        ("version: 3", "version: three", "front matter"),
        ("## user", "## human", "## user"),
        ("{{ evidence }}", "{{evidence}}", r"\{\{evidence\}\}"),
        ("{{ evidence }}", "{{ the evidence }}", "the evidence"),
        ("{{ evidence }}", "{{ evidence }", "evidence"),
    ],
)
def test_a_malformed_file_is_an_error_that_says_what_is_needed(before: str, after: str, named: str) -> None:
    with pytest.raises(CitebriefError, match=named):
        parse_prompt("merge", FILE.replace(before, after).encode())


def test_an_unknown_prompt_is_an_error_that_names_it() -> None:
    with pytest.raises(CitebriefError, match="no-such"):
        load_prompt("no-such")
