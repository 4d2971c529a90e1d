"""Options of the configuration as options of a command."""

import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer

from cvpire import config
from cvpire.errors import InputError
from cvpire.options import Options

Section = type[Options] | Mapping[str, type[Options]]
"""A model, or models by the value of their field `kind`; one without that field is meant where none is given."""


def options_of(**sections: Section | tuple[Section, Collection[str]]) -> Callable:
    """Give a command the options of sections of the configuration, and hand it the validated sections.

    Each section is named by the command's parameter that receives it; a tuple adds the fields to leave out.
    """
    wanted = {name: section if isinstance(section, tuple) else (section, ()) for name, section in sections.items()}

    def decorate(function: Callable) -> Callable:
        own = [p for p in inspect.signature(function).parameters.values() if p.name not in wanted]
        fields = {name: _fields(section, without) for name, (section, without) in wanted.items()}
        added = [_option(key, *about) for of_section in fields.values() for key, about in of_section.items()]
        added.append(_PRESET)

        @functools.wraps(function)
        def command(**given: Any) -> None:
            preset, filled = given.pop("preset"), {}
            for name, of_section in fields.items():
                values = {key: given.pop(key) for key in of_section}
                values = {key: value for key, value in values.items() if value is not None and value != []}
                model = _model(wanted[name][0], values)
                if "kind" not in model.model_fields:
                    values.pop("kind", None)
                filled[name] = config.validate(model, {**config.preset_values(model, preset), **values}, "command line")
            return function(**given, **filled)

        command.__signature__ = inspect.Signature([*own, *added])
        command.__annotations__ = {p.name: p.annotation for p in (*own, *added)}
        return command

    return decorate


_PRESET = inspect.Parameter(
    "preset",
    inspect.Parameter.KEYWORD_ONLY,
    default="text",
    annotation=Annotated[config.Preset, typer.Option(help="Where text and released code differ.")],
)


def _fields(section: Section, without: Collection[str]) -> dict[str, tuple[Any, Any]]:
    """Type and field of each option of a section."""
    models = list(dict.fromkeys(section.values())) if isinstance(section, Mapping) else [section]
    fields = {key: (field.annotation, field) for model in models for key, field in model.model_fields.items()}
    if isinstance(section, Mapping):
        fields["kind"] = (Literal[*section], fields["kind"][1])
    return {key: about for key, about in fields.items() if key not in without}


def _model(section: Section, values: Mapping[str, Any]) -> type[Options]:
    if not isinstance(section, Mapping):
        return section
    if "kind" not in values:
        unnamed = [model for model in section.values() if "kind" not in model.model_fields]
        if unnamed:
            return unnamed[0]
        raise InputError(f"command line: --kind is needed, one of {', '.join(section)}")
    return section[values["kind"]]


def _option(key: str, annotation: Any, field: Any) -> inspect.Parameter:
    annotation, default = _plain(annotation), field.get_default(call_default_factory=True)
    is_list = get_origin(annotation) is list
    text = "Which kind it is." if key == "kind" and field.is_required() else field.description or ""
    if default not in (None, []) and not field.is_required():
        text += f" [default: {default}]"
    return inspect.Parameter(
        key,
        inspect.Parameter.KEYWORD_ONLY,
        default=[] if is_list else None,
        annotation=Annotated[annotation if is_list else annotation | None, typer.Option(help=text)],
    )


def _plain(annotation: Any) -> Any:
    """Strip pydantic's constraints and None from a type: the models check values, the command line only parses."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _plain(arguments[0])
    if origin in (Union, UnionType):
        (inner,) = {_plain(argument) for argument in arguments} - {NoneType}
        return inner
    if origin in (list, tuple):
        return origin[tuple(_plain_item(argument) for argument in arguments)]
    return str if _is_section(annotation) else annotation


def _plain_item(annotation: Any) -> Any:
    """Of a list: typer takes no list of choices."""
    plain = _plain(annotation)
    return str if get_origin(plain) is Literal else plain


def _is_section(annotation: Any) -> bool:
    """Whether it is a section of its own, which is written as words."""
    return isinstance(annotation, type) and issubclass(annotation, Options)
