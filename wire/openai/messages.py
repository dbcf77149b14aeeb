"""The parts of a chat: messages by role, tools, and the form that an answer must have."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from wire.openai import limits
from wire.openai.schemas import check_schema


class Strict(BaseModel):
    """No unknown fields, no conversion between types, no NaN."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _count_fields(cls, value: object) -> object:
        """Each unknown field would become an error of its own, and a body has room for very many."""
        if isinstance(value, dict) and len(value) > limits.FIELDS:
            raise PydanticCustomError("extra_forbidden", f"more than {limits.FIELDS} fields")
        return value


def _unsupported(value: object) -> object:
    if value:
        raise PydanticCustomError("unsupported", "this is not served here")
    return value


Unserved: TypeAlias = Annotated[
    Any, AfterValidator(_unsupported), Field(description="not served: null, false or empty")
]
"""A field of OpenAI's that may be given empty, false or null only."""


def _check_schema(schema: dict[str, Any]) -> dict[str, Any]:
    if problem := check_schema(schema):
        raise PydanticCustomError("schema", "{problem}", {"problem": problem})
    return schema


Schema: TypeAlias = Annotated[dict[str, Any], AfterValidator(_check_schema)]
Name: TypeAlias = Annotated[str, Field(max_length=limits.TOOL_NAME_CHARS, pattern=r"^[a-zA-Z0-9_-]+$")]
Description: TypeAlias = Annotated[str, Field(max_length=limits.DESCRIPTION_CHARS)]


class TextPart(Strict):
    """A piece of a message; other kinds (images, audio) are not served."""

    type: Literal["text"]
    text: str


Content: TypeAlias = str | Annotated[list[TextPart], Field(fail_fast=True, max_length=limits.CONTENT_PARTS)]


class SystemMessage(Strict):
    """What the application tells the model."""

    role: Literal["system", "developer"]
    content: Content
    name: Name | None = None


class UserMessage(Strict):
    """What a person says."""

    role: Literal["user"]
    content: Content
    name: Name | None = None


class FunctionCall(Strict):
    """A call of a tool, as the model wrote it: `arguments` is JSON as a rule."""

    name: Name
    arguments: Annotated[str, Field(max_length=limits.ARGUMENTS_CHARS)]


class ToolCall(Strict):
    """A call of a tool, in an answer or in a conversation that goes on."""

    id: Annotated[str, Field(max_length=limits.USER_CHARS)]
    type: Literal["function"] = "function"
    function: FunctionCall


class AssistantMessage(Strict):
    """An earlier answer; null stands for what it did not have."""

    role: Literal["assistant"]
    content: Content | None = None
    name: Name | None = None
    refusal: str | None = None
    tool_calls: Annotated[list[ToolCall], Field(fail_fast=True, max_length=limits.TOOL_CALLS)] | None = None
    function_call: Unserved = None
    audio: Unserved = None
    annotations: list[Any] | None = None


class ToolMessage(Strict):
    """What a tool gave back."""

    role: Literal["tool"]
    content: Content
    tool_call_id: Annotated[str, Field(max_length=limits.USER_CHARS)]
    name: Name | None = None


ChatMessage: TypeAlias = Annotated[
    SystemMessage | UserMessage | AssistantMessage | ToolMessage, Field(discriminator="role")
]


class Function(Strict):
    """A function that the model may call; `parameters` is a JSON schema."""

    name: Name
    description: Description | None = None
    parameters: Schema | None = None
    strict: bool | None = None


class Tool(Strict):
    """The only kind of tool there is."""

    type: Literal["function"]
    function: Function


class FunctionName(Strict):
    """Names one of the tools."""

    name: Name


class NamedTool(Strict):
    """`tool_choice` that wants one tool."""

    type: Literal["function"]
    function: FunctionName


ToolChoice: TypeAlias = Literal["none", "auto", "required"] | NamedTool


class TextFormat(Strict):
    """Any text."""

    type: Literal["text"]


class JsonObjectFormat(Strict):
    """One JSON object."""

    type: Literal["json_object"]


class JsonSchema(Strict):
    """A schema that the answer must fit."""

    name: Name
    description: Description | None = None
    schema_: Annotated[Schema, Field(alias="schema")]
    strict: bool | None = None


class JsonSchemaFormat(Strict):
    """JSON that fits a schema."""

    type: Literal["json_schema"]
    json_schema: JsonSchema


ResponseFormat: TypeAlias = Annotated[TextFormat | JsonObjectFormat | JsonSchemaFormat, Field(discriminator="type")]
