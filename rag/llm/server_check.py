"""One tiny question to a model's server, and what its answer shows about the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from rag.errors import ModelError, ReplyError
from rag.llm.client import ChatClient
from rag.llm.request_form import STANDARD, ReplyFormat
from rag.llm.spec import ModelChoice

if TYPE_CHECKING:
    from rag.config import Settings

REPLY_TOKENS = 60
"""Length limit of the reply."""

_SCHEMA_SENT: dict[ReplyFormat, str] = {
    "json_schema": "taken whole",
    "counted_in_words": "taken without limits such as maxItems, which are checked here",
    "plain_schema": "taken in its plainest form; the rest of it is checked here",
    "schema_in_json_object": "sent with response_format json_object, and in the prompt",
    "json_object": "not taken: it stands in the prompt, with response_format json_object",
    "text": "not taken: it stands in the prompt",
}


class _Comparison(BaseModel):
    model_config = ConfigDict(extra="forbid", title="Comparison")
    greater: Literal["first", "second"]
    numbers: Annotated[list[int], Field(min_length=2, max_length=2)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCheck:
    """What a question showed: ``findings`` by name, in reading order; whether the model answered it usably."""

    findings: dict[str, str]
    answered: bool


def check_server(choice: ModelChoice, settings: Settings) -> ServerCheck:
    """Ask the model of ``choice`` one question, a second time if the reply cannot be used, as writers do.

    Raises:
        UsageError, ModelError: the client cannot be opened; see :class:`ChatClient`.
    """
    with ChatClient(choice, settings) as client:
        answer, answered = _ask(client)
        used = client.tokens
        findings = {
            "answer": answer,
            "tokens": f"{used['prompt']} read, {used['completion']} written, in {client.seconds:.1f} s"
            if used["prompt"] or used["completion"]
            else "the server reports none",
        }
        if client.capabilities is None:
            return ServerCheck(findings=findings, answered=answered)
        form = client.capabilities.form
        findings["schema"] = _SCHEMA_SENT[form.reply] + (
            ", but not obeyed: it also stands in the prompt" if form.schema_in_prompt else ""
        )
        findings["request"] = "; ".join(client.capabilities.learned) or "taken as OpenAI takes it"
        if form == STANDARD and not answered:
            del findings["schema"], findings["request"]  # nothing was learned
        return ServerCheck(findings=findings, answered=answered)


def _ask(client: ChatClient) -> tuple[str, bool]:
    """Return what came of the question, and whether that is a usable answer."""
    system = "Compare two numbers. Reply in JSON."
    fault = ""
    for _ in range(2):
        try:
            reply = client.ask(system, "12 and 5", _Comparison, max_tokens=REPLY_TOKENS, name="doctor")
        except ReplyError as error:
            fault = str(error)
        except ModelError as error:
            return str(error), False
        else:
            right = reply.greater == "first"
            return "usable" + ("" if right else ", but wrong: it takes 5 for more than 12"), True
    return f"unusable, twice: {fault}", False
