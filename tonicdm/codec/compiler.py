"""Make the reader of a record class: a function of plain statements, compiled at run time from the class's fields.

What cattrs' converter makes of a value stays the definition. A reader takes over what has its final form already, and
hands every other value to the converter's own hook for its field. It fails where the definition fails, and says not
where: that is asked of the definition (`tonicdm.codec.converter`).

The source of a reader can be read, and stands in tracebacks: ``inspect.getsource(CODEC.reader(Person))`` shows one.
"""

from __future__ import annotations

import linecache
import types
from collections.abc import Callable, Container, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

import attrs

from tonicdm.codec import scalars
from tonicdm.codec.enums import OpenEnum
from tonicdm.codec.records import MARKS, NOTHING, Record, assumed_names, wire_names

if TYPE_CHECKING:
    import cattrs

R = TypeVar("R", bound=Record)
Reader: TypeAlias = Callable[[Any, Any], R]

NO_NULLS: Final[frozenset[str]] = frozenset()

FINAL_FORM: Final[Mapping[Callable[..., Any], str]] = {
    scalars.read_str: "type({0}) is str",
    scalars.read_id: "type({0}) is str and len({0}) == 32 and {0}.lower() == {0}",
    scalars.read_int: "type({0}) is int",
    scalars.read_float: "type({0}) is int or type({0}) is float",
    scalars.read_bool: "type({0}) is bool",
    scalars.read_number_or_str: "type({0}) is str or type({0}) is int or type({0}) is float",
}
"""By the converter's hook: when it returns the value itself."""


def can_compile(model: type[Record]) -> bool:
    """Tell whether a record of a class is no more than its fields, of which those that may be absent are None then."""
    names, hints = wire_names(model), get_type_hints(model)
    if hasattr(model, "__attrs_pre_init__") or hasattr(model, "__attrs_post_init__"):
        return False
    if len(set(names.values())) < len(names):
        return False
    return all(
        _is_plain(field, nullable=_without_none(hints[field.name])[1])
        if field.name in names
        else not isinstance(field.default, attrs.Factory)  # type: ignore[arg-type]
        for field in attrs.fields(model)
    )


def _is_plain(field: attrs.Attribute[Any], *, nullable: bool) -> bool:
    if field.converter is not None or field.validator is not None:
        return False
    return field.default is (None if nullable else attrs.NOTHING)


def compile_reader(model: type[R], converter: cattrs.Converter) -> Reader[R]:
    """Make the reader of a record class.

    Args:
        model: The class.
        converter: Has the hooks of its fields' types, and of those within them.

    Returns:
        A function that makes a record of a JSON value.
    """
    source = _Source(
        converter, {"Model": model, "Draft": _draft(model), "KNOWN": frozenset(wire_names(model).values())}
    )
    source.text = [_HEAD, *_fields(model, source), *_marks(model, source), _END]
    return source.compiled(model)


def _draft(model: type[Record]) -> type[Record]:
    """Make a class of unfinished records: they can be assigned to, and become frozen by taking their real class."""
    free = {"__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    return type(f"Unfinished{model.__name__}", (model,), {"__slots__": (), "__module__": __name__, **free})


_HEAD: Final = """\
def read(value, _model):
    if type(value) is not dict:
        raise Refused("object", value)
    get = value.get
    made = new(Draft)
    taken, refused = len(KNOWN), ()
"""

_END: Final = """\
    if taken == len(value):
        made.extra, made.nulls = NOTHING, NO_NULLS
    else:
        made.extra, made.nulls = rest(value, KNOWN, refused)
    made.__class__ = Model
    return made
"""


class _Source:
    """The text of a reader, and the names that it uses.

    Args:
        converter: Has the hooks.
        names: Known names.
    """

    def __init__(self, converter: cattrs.Converter, names: Mapping[str, Any]) -> None:
        self.converter = converter
        self.text: list[str] = []
        own = {"Refused": scalars.Refused, "new": object.__new__, "rest": rest, "marks": MARKS.get, "NOTHING": NOTHING}
        self._names: dict[str, Any] = {"__name__": __name__, **own, "NO_NULLS": NO_NULLS, **names}

    def name(self, value: Any, wanted: str) -> str:
        """Return a name for *value*, *wanted* or one like it; the same for the same value."""
        for name, known in self._names.items():
            if known is value:
                return name
        name = wanted if wanted.isidentifier() else "other"
        while name in self._names:
            name += "_"
        self._names[name] = value
        return name

    def compiled(self, model: type[R]) -> Reader[R]:
        """Return the function."""
        text = "".join(self.text)
        file = f"<reader of {model.__module__}.{model.__qualname__}>"
        exec(compile(text, file, "exec"), self._names)  # noqa: S102 - made of the names of fields, which repr() quotes
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        reader: Reader[R] = self._names["read"]
        reader.__qualname__ = f"read_{model.__name__}"
        return reader


# --- fields -----------------------------------------------------------------------------------------------------------


def _fields(model: type[Record], source: _Source) -> list[str]:
    hints, assumed = get_type_hints(model), assumed_names(model)
    statements: list[str] = []
    for name, wire_name in wire_names(model).items():
        target, nullable = _without_none(hints[name])
        statement = _ASSUMED if name in assumed else _OPTIONAL if nullable else _REQUIRED
        statements.append(statement.format(name=name, wire=repr(wire_name), value=_value("item", target, source)))
    return statements


_OPTIONAL: Final = """\
    if (item := get({wire})) is None:
        made.{name} = None
        taken -= 1
    else:
        made.{name} = {value}
"""

_REQUIRED: Final = """\
    item = value[{wire}]
    made.{name} = {value}
"""

_ASSUMED: Final = """\
    made.{name} = None
    if (item := get({wire})) is not None:
        try:
            made.{name} = {value}
        except Exception:
            pass
        if made.{name} is None:
            refused += ({wire},)
    if made.{name} is None:
        taken -= 1
"""


_MARKED: Final = """\
    made.{name} = {default} if noted is NOTHING else noted.get({name!r}, {default})
"""


def _marks(model: type[Record], source: _Source) -> list[str]:
    """Set what stands for nothing on the wire: to what is noted in all records that are decoded now, or its default."""
    names = wire_names(model)
    fields = [field for field in attrs.fields(model) if field.name not in {*names, "extra", "nulls"}]
    marked = [
        _MARKED.format(name=field.name, default=source.name(field.default, f"DEFAULT_{field.name}")) for field in fields
    ]
    return ["    noted = marks()\n", *marked] if marked else []


def rest(
    value: Mapping[str, Any], known: Container[str], refused: tuple[str, ...]
) -> tuple[Mapping[str, Any], frozenset[str]]:
    """Return what of a JSON object is in no field of its record: unknown fields, and the names of known ones at null.

    Args:
        value: The object.
        known: The names of the record's fields.
        refused: Those of them whose values are of another type than assumed.
    """
    extra: dict[str, Any] = {}
    nulls: list[str] = []
    for name, item in value.items():
        if name not in known or (refused and name in refused):
            extra[name] = item
        elif item is None:
            nulls.append(name)
    return extra or NOTHING, frozenset(nulls) if nulls else NO_NULLS


# --- kinds of values --------------------------------------------------------------------------------------------------


def _value(name: str, target: Any, source: _Source) -> str:
    """Return the expression that reads the value called *name*, which is not null, as a *target*."""
    if target is Any:
        return name
    if get_origin(target) is tuple:
        return _array(name, get_args(target)[0], source)
    hook = source.converter.get_structure_hook(target)
    if hook is scalars.read_str and target is not str:
        return _word(name, target, source)
    if hook in FINAL_FORM:
        return _scalar(name, hook, source)
    kind = getattr(target, "__name__", "Kind")
    return f"{source.name(hook, f'read_{kind}')}({name}, {source.name(target, kind)})"


def _scalar(name: str, hook: Callable[..., Any], source: _Source) -> str:
    return f"{name} if {FINAL_FORM[hook].format(name)} else {source.name(hook, hook.__name__)}({name})"


def _word(name: str, target: type[OpenEnum], source: _Source) -> str:
    words = source.name({member.value: member for member in target}, f"WORDS_OF_{target.__name__}")
    other = f"{source.name(scalars.read_enum, 'read_enum')}({name}, {source.name(target, target.__name__)})"
    return f"{words}[{name}] if {name} in {words} else {other}"


def _array(name: str, inner: Any, source: _Source) -> str:
    target, nullable = _without_none(inner)
    element = _value("one", target, source)
    if nullable:
        element = f"None if one is None else ({element})"
    refusal = f"{source.name(refuse_array, 'refuse_array')}({name})"
    return f"tuple([{element} for one in {name}]) if type({name}) is list else {refusal}"


def refuse_array(value: Any) -> Any:
    """Refuse a value that is no array.

    Raises:
        Refused: Always.
    """
    raise scalars.Refused("array", value)


def _without_none(hint: Any) -> tuple[Any, bool]:
    """Return a type without None, and whether it had it."""
    if get_origin(hint) not in {Union, types.UnionType}:
        return hint, hint is Any
    kept = tuple(option for option in get_args(hint) if option is not type(None))
    return Union[kept], len(kept) < len(get_args(hint))  # noqa: UP007 - of a tuple
