"""Types of Arrow columns, and the Python values that they stand for.

Structs are tuples if their fields are ``_1`` to ``_n``, dicts otherwise; the engine's
``arrow/form.rs`` reads typed records by the same rule. Used by `tidemill.batches`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

# Typed records of deeper types are pickled: readers of the format end at 60 to 64 levels.
DEEPEST = 50


def fields_of(kind: Any) -> list[Any]:
    """Return the fields of a struct or union."""
    return [kind.field(at) for at in range(kind.num_fields)]


def are_numbered(names: list[str]) -> bool:
    """Tell whether fields of these names are the items of tuples.

    Examples
    --------
    >>> are_numbered(["_1", "_2"]), are_numbered(["_2", "_1"])
    (True, False)
    """
    return names == [f"_{number + 1}" for number in range(len(names))]


def is_list(kind: Any) -> bool:
    """Tell whether a type is a list that casts to Arrow's ordinary one in all versions."""
    from pyarrow import types

    return types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)


def holds_struct(kind: Any) -> bool:
    """Tell whether there are structs among the values: pyarrow makes dicts of all of them."""
    from pyarrow import types

    return types.is_struct(kind) or any(holds_struct(inner) for _, inner in _inner(kind))


def _inner(kind: Any) -> Iterator[tuple[str, Any]]:
    """Yield names and types of what is within a type; an extension says itself what it is."""
    import pyarrow as pa
    from pyarrow import types

    if isinstance(kind, pa.BaseExtensionType):
        return
    if types.is_struct(kind) or types.is_union(kind):
        yield from ((field.name, field.type) for field in fields_of(kind))
    elif types.is_map(kind):
        yield from (("key", kind.key_type), ("value", kind.item_type))
    elif hasattr(kind, "value_type"):  # lists, dictionaries and run ends
        yield "item", kind.value_type


def check_type(kind: Any, where: str) -> None:
    """Raise an error for a type whose values would not all be there, or not by the rule.

    Examples
    --------
    >>> import pyarrow as pa
    >>> check_type(pa.struct([("a", pa.int64()), ("a", pa.int64())]), "value")
    Traceback (most recent call last):
    ...
    ValueError: mapArrow expects structs whose fields have different names; got the struct value \
with the fields ['a', 'a']. Rename them
    """
    from pyarrow import types

    if types.is_union(kind) and holds_struct(kind):
        raise ValueError(
            "mapArrow expects columns of which each value is of one type, if there are structs "
            f"among them; got {where}, a union with structs. Make a struct of it"
        )
    names = [field.name for field in fields_of(kind)] if types.is_struct(kind) else []
    if len(set(names)) < len(names):
        raise ValueError(
            "mapArrow expects structs whose fields have different names; got the struct "
            f"{where} with the fields {names}. Rename them"
        )
    for name, inner in _inner(kind):
        check_type(inner, f"{where}.{name}")


def plain_type(kind: Any, depth: int = 0) -> Any:
    """Return the type that typed records have for the same Python values; None if there is none.

    Examples
    --------
    >>> import pyarrow as pa
    >>> plain_type(pa.large_list(pa.int8()))
    ListType(list<item: int64>)
    >>> plain_type(pa.date32())
    """
    import pyarrow as pa
    from pyarrow import types

    if depth > DEEPEST:
        return None
    if types.is_null(kind) or types.is_boolean(kind):
        return kind
    if types.is_integer(kind):
        return pa.int64()
    if types.is_floating(kind):
        return pa.float64()
    if types.is_string(kind) or types.is_large_string(kind) or _is_view(kind):
        return pa.string()
    if types.is_dictionary(kind):
        return plain_type(kind.value_type, depth)
    if is_list(kind):
        item = plain_type(kind.value_type, depth + 1)
        return None if item is None else pa.list_(item)
    if types.is_struct(kind) and kind.num_fields:
        parts = [(field.name, plain_type(field.type, depth + 1)) for field in fields_of(kind)]
        return None if any(part is None for _, part in parts) else pa.struct(parts)
    return None


def _is_view(kind: Any) -> bool:
    from pyarrow import types

    # Not there in older versions.
    return bool(getattr(types, "is_string_view", lambda _: False)(kind))


def common_type(one: Any, other: Any) -> Any:
    """Return the plain type that has the Python values of both, to the order of keys, or None.

    Only null gives way to another type. What pyarrow calls promotion makes None of a key that a
    struct does not have, and a float of an int.

    Examples
    --------
    >>> import pyarrow as pa
    >>> common_type(pa.null(), pa.int64())
    DataType(int64)
    >>> common_type(pa.struct([("a", pa.int64())]), pa.struct([("b", pa.int64())]))
    """
    import pyarrow as pa
    from pyarrow import types

    if one is None or other is None:
        return None
    if types.is_null(one) or types.is_null(other):
        return other if types.is_null(one) else one
    if types.is_list(one) and types.is_list(other):
        item = common_type(one.value_type, other.value_type)
        return None if item is None else pa.list_(item)
    if types.is_struct(one) and types.is_struct(other):
        return _common_struct(fields_of(one), fields_of(other))
    return one if one == other else None


def _common_struct(one: list[Any], other: list[Any]) -> Any:
    import pyarrow as pa

    names = [field.name for field in one]
    kinds = [common_type(a.type, b.type) for a, b in zip(one, other)]
    if names != [field.name for field in other] or any(kind is None for kind in kinds):
        return None
    return pa.struct(list(zip(names, kinds)))
