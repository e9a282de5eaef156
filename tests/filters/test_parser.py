"""Expressions as text."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlgeom.errors import UsageError
from dlgeom.filters.parser import ExpressionError, parse
from dlgeom.filters.tree import And, AnyOf, Compare, Constant, Exists, Field, In, Node, Not, Or

A = Compare(Field("label"), "==", "a")
B = Compare(Field("score"), ">", 0.5)


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("label == 'a'", A),
        ('label=="a"', A),
        ("'a' == label", A),
        ("class == 'a'", A),
        ("score > .5", B),
        ("0.5 < score", B),
        ("score > 5e-1", B),
        ("label != 'a'", Not(A)),
        ("not label == 'a'", Not(A)),
        ("label == 'a' and score > 0.5", And((A, B))),
        ("label == 'a' OR score > 0.5", Or((A, B))),
        ("label == 'a' or score > 0.5 and crowd", Or((A, And((B, parse("crowd")))))),
        ("(label == 'a' or score > 0.5) and crowd", And((Or((A, B)), parse("crowd")))),
        ("not label == 'a' and score > 0.5", And((Not(A), B))),
        ("crowd", Compare(Field("crowd"), "==", True)),
        ("type in ('box', 'polygon')", In(Field("type"), ("box", "segment"))),
        ("type in ['mask',]", In(Field("type"), ("binary",))),
        ("label not in ('a')", Not(In(Field("label"), ("a",)))),
        ("label in ()", In(Field("label"), ())),
        ("image.name ~ '/a/*'", Compare(Field("image.name"), "~", "a/*")),
        ("item.file_name == '/a.jpg'", Compare(Field("image.name"), "==", "a.jpg")),
        ("label !~ 'a*'", Not(Compare(Field("label"), "~", "a*"))),
        ("exists(score)", Exists(Field("score"))),
        ("score == null", Not(Exists(Field("score")))),
        ("score != None", Exists(Field("score"))),
        ("any(label == 'a')", AnyOf(A)),
        ("image.annotated", AnyOf(Constant(True))),
        ("image.annotated == false", Not(AnyOf(Constant(True)))),
        ("true", Constant(True)),
        ("width > image.width", Compare(Field("width"), ">", Field("image.width"))),
        ("attributes.a.b == -3", Compare(Field("attributes", ("a", "b")), "==", -3)),
        ("attributes.01 == true", Compare(Field("attributes", ("01",)), "==", True)),
        ("attributes['a b'].c == 1", Compare(Field("attributes", ("a b", "c")), "==", 1)),
        ('metadata.user."x.y" == 1', Compare(Field("metadata", ("user", "x.y")), "==", 1)),
        (r"label == 'it\'s \u00e9'", Compare(Field("label"), "==", "it's é")),
        ("id == 123456789012345678901234567890", Compare(Field("id"), "==", int("1234567890" * 3))),
        (
            "0.2 < score <= 0.8",
            And((Compare(Field("score"), ">", 0.2), Compare(Field("score"), "<=", 0.8))),
        ),
    ],
)
def test_text_becomes_a_condition(text: str, node: Node) -> None:
    assert parse(text) == node


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 0, "empty"),
        ("lable == 'car'", 0, "Did you mean 'label'"),
        ("label == 'a' and scor > 1", 17, "Did you mean 'score'"),
        ("label = 'car'", 6, "Did you mean '=='"),
        ("crowd && crowd", 6, "Did you mean 'and'"),
        ("label == car", 9, "A text has quotes: 'car'"),
        ("label == 5", 9, "put 5 in quotes"),
        ("score > 'a'", 8, "is a number"),
        ("score ~ 'a'", 8, "is no text"),
        ("label in ('a', 5)", 15, "put 5 in quotes"),
        ("crowd < true", 8, "no order"),
        ("area >", 6, "a field or a value is due"),
        ("(area > 5", 9, "is due to close"),
        ("area > 5)", 8, "'and', 'or' or the end"),
        ("area", 4, "a comparison is due"),
        ("5 > 4", 0, "a field is due"),
        ("type in 'a'", 8, "a list"),
        ("label == 'x", 9, "not closed"),
        ("foo(label)", 0, "no function 'foo'"),
        ("score.x > 1", 0, "nothing below"),
        ("area > 1_0", 7, "is no number"),
        ("area > $", 7, "no meaning"),
        ("image.annotated == crowd", 19, "cannot be compared"),
        ("(" * 200, 100, "nested"),
    ],
)
def test_faults_say_where_and_what_was_meant(text: str, column: int, message: str) -> None:
    with pytest.raises(ExpressionError, match=message.replace("(", r"\(")) as caught:
        parse(text)
    assert caught.value.column == column
    assert f"column {column + 1}:" in str(caught.value)


@given(st.text(alphabet="ab()'\"= !<>~.,[]andorti0123_$\\", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert isinstance(parse(text), Node)


def _holds(node: Any) -> bool:
    if isinstance(node, Constant):
        return node.value
    if isinstance(node, Not):
        return not _holds(node.inner)
    return (all if isinstance(node, And) else any)(map(_holds, node.parts))


logic = st.recursive(
    st.sampled_from(["True", "False"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" and ", " or "]), inner).map("".join),
        inner.map("not {}".format),
        inner.map("({})".format),
    ),
    max_leaves=12,
)


@given(logic)
def test_and_or_not_bind_as_in_python(text: str) -> None:
    assert _holds(parse(text)) is eval(text)  # noqa: S307 - the oracle, of our own text


def test_nothing_is_compiled() -> None:
    seen: list[str] = []
    active = True

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if active and event in ("compile", "exec", "import"):
            seen.append(event)

    parse("label == 'a'")
    sys.addaudithook(hook)
    try:
        parse("label == 'b' and (score > 2 or __import__ == 1)")
    except UsageError:
        pass
    finally:
        active = False
    assert seen == []
