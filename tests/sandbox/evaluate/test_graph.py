"""The graph: references, environments, functions, and what is refused."""

from __future__ import annotations

import inspect

import pytest
from evaluate_kit import (
    MemoryCatalogue,
    answer,
    argument,
    call,
    constant,
    define,
    expression,
    reference,
)

from orchestrator.sandbox.earthengine.evaluate import EvaluationError, Evaluator, UnknownFunctionError, registry


def test_shared_values_are_evaluated_per_binding():
    """A value that contains an argument has another result in each call, even under the same argument name."""
    doubled = call("List.map", list=[1, 2, 3], baseAlgorithm=define("double", "x"))
    again = call("List.map", list=[10, 20], baseAlgorithm=define("double", "x"))

    found = answer(
        call("List.cat", list=doubled, other=again), double=call("Number.add", left=argument("x"), right=argument("x"))
    )

    assert found == [2, 4, 6, 20, 40]


def test_inner_functions_see_the_arguments_of_outer_ones():
    """Nested maps close over the outer argument."""
    inner = call("List.map", list=[1, 2], baseAlgorithm=define("sum", "y"))

    found = answer(
        call("List.map", list=[10, 20], baseAlgorithm=define("inner", "x")),
        inner=inner,
        sum=call("Number.add", left=argument("x"), right=argument("y")),
    )

    assert found == [[11, 12], [21, 22]]


def test_every_kind_of_value_has_its_meaning():
    """Constants, big integers, arrays and dictionaries come out as JSON."""
    node = {
        "dictionaryValue": {
            "values": {
                "big": {"integerValue": "9007199254740993"},
                "list": {"arrayValue": {"values": [constant(1), reference("text")]}},
            }
        }
    }

    assert answer(node, text=constant("a")) == {"big": 9007199254740993, "list": [1, "a"]}


def test_deep_chains_are_evaluated():
    """A chain of 2,000 calls is no deeper than an author can write, and works for numbers and for pixels."""
    number, image = constant(0), call("Image.constant", value=0)
    values = {}
    for at in range(2000):
        values[f"n{at}"], values[f"i{at}"] = number, image
        number = call("Number.add", left=reference(f"n{at}"), right=1)
        image = call("Image.max", image1=reference(f"i{at}"), image2=call("Image.constant", value=at))
    point = call("GeometryConstructors.Point", coordinates=[15, 46])
    region = call("Image.reduceRegion", image=image, reducer=call("Reducer.first"), geometry=point, scale=10)

    assert answer(number, **values) == 2000
    assert answer(region, **values) == {"constant": 1999}


def test_unknown_functions_are_named():
    """A function that is not imitated is an error that says so, never a guess."""
    with pytest.raises(UnknownFunctionError, match=r"Image\.hersDescriptor.*does not imitate"):
        answer(call("Image.hersDescriptor", image=1))


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        pytest.param(call("Image.select", bandSelectors=["a"]), "Parameter 'input' is required", id="missing"),
        pytest.param(
            call("Number.subtract", left=90, right=constant(None)), "Parameter 'right' is required", id="null"
        ),
        pytest.param(call("Number.add", left=1, rihgt=2), "Unrecognized arguments: rihgt", id="misspelt"),
        pytest.param(call("Image.bandNames", image="text"), "Invalid type", id="wrong type"),
        pytest.param(reference("nowhere"), "not defined", id="dangling reference"),
        pytest.param(argument("x"), "not bound", id="unbound argument"),
        pytest.param({"bytesValue": "AA=="}, "not imitated", id="unknown kind"),
    ],
)
def test_malformed_graphs_are_refused_in_words(node, sentence):
    """Each mistake in a graph is answered with a sentence that names it."""
    with pytest.raises(EvaluationError, match=sentence):
        answer(node)


def test_defaults_come_from_the_list_of_algorithms():
    """An argument that is left out has the default that the installed client declares."""
    assert answer(call("List.sequence", start=1, end=3)) == [1, 2, 3]


def test_a_filter_is_no_answer():
    """Values without a JSON form are refused."""
    with pytest.raises(EvaluationError, match="Unable to encode"):
        answer(call("Filter.equals", leftField="a", rightValue=1))


def arity(name):
    """How many arguments a function takes from the graph; None if it takes any, or does not tell."""
    implementation = registry.lookup(name)
    try:
        found = inspect.signature(implementation.call).parameters.values()
    except ValueError:
        return None
    if any(item.kind is inspect.Parameter.VAR_POSITIONAL for item in found):
        return None
    positional = [item for item in found if item.kind is not inspect.Parameter.KEYWORD_ONLY]
    return len(positional) - implementation.needs_catalogue


def test_every_function_is_declared_with_as_many_arguments():
    """A registered function exists in the client's list and takes the arguments declared there."""
    wrong = {name for name in registry.imitated() if arity(name) not in (None, len(registry.parameters(name)))}
    undeclared = {name for name in registry.imitated() if not registry.is_declared(name)}

    assert not wrong
    assert not undeclared
    assert len(registry.imitated()) > 300


def test_numbers_are_images_where_images_are_wanted():
    """The root of an export may be a number in an image's place, but not a text."""
    with pytest.raises(EvaluationError, match="Expected an image, found: String"):
        Evaluator(MemoryCatalogue()).image(expression(constant("text")))
