"""Prompts: versioned Markdown templates in ``prompts/``, whose hashes are recorded in every brief's trace."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from rag.errors import CitebriefError

_FILE = re.compile(
    r"---\nname: (?P<name>[\w-]+)\nversion: (?P<version>\d+)\n---\n## system\n(?P<system>.*?)\n## user\n(?P<user>.*)",
    re.DOTALL,
)
_SLOT = re.compile(r"\{\{ (\w+) \}\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A template with ``{{ slots }}``. ``sha256`` is the hex digest of the file's bytes."""

    name: str
    version: int
    sha256: str
    system: str
    user: str

    def render(self, **values: str) -> tuple[str, str]:
        """Return the system and the user message. Values that contain slots are inserted unchanged.

        Raises:
            CitebriefError: a slot has no value, or a value no slot.
        """
        slots = set(_SLOT.findall(self.system + self.user))
        if slots != values.keys():
            raise CitebriefError(f"prompt {self.name}: slots {sorted(slots)}, values {sorted(values)}")

        def fill(template: str) -> str:
            return _SLOT.sub(lambda match: values[match[1]], template).strip()

        return fill(self.system), fill(self.user)


@lru_cache
def load_prompt(name: str) -> Prompt:
    """Return the prompt ``prompts/<name>.md``.

    Raises:
        CitebriefError: there is no such file, or it is malformed.
    """
    path = files("rag._prompts") / f"{name}.md"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CitebriefError(f"prompt {name}: {path} cannot be read; install citebrief again") from error
    return parse_prompt(name, data)


def parse_prompt(name: str, data: bytes) -> Prompt:
    """Return the prompt in the bytes of a file.

    Raises:
        CitebriefError: front matter or a section is missing, or a slot is malformed.
    """
    match = _FILE.fullmatch(data.decode("utf-8", "replace"))
    if match is None or match["name"] != name:
        raise CitebriefError(f"prompt {name}: the file needs front matter (name, version), ## system and ## user")
    if malformed := re.search(r"\{\{.*|.*\}\}", _SLOT.sub("", match["system"] + "\n" + match["user"])):
        raise CitebriefError(f"prompt {name}: a slot is written {{{{ name }}}}, not {malformed[0].strip()!r}")
    return Prompt(
        name=name,
        version=int(match["version"]),
        sha256=hashlib.sha256(data).hexdigest(),
        system=match["system"],
        user=match["user"],
    )
