"""Arrays as values, against numpy and scipy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
from evaluate_kit import answer, array, call, constant

from orchestrator.sandbox.earthengine.evaluate import EvaluationError
from orchestrator.sandbox.earthengine.evaluate.errors import NotImitatedError

CHANCE = np.random.default_rng(7)
MATRIX = [[4.0, 1.0, 2.0], [1.0, 3.0, 0.5], [2.0, 0.5, 5.0]]


def made(values):
    return call("Array", values=constant(values))


def applied(name, *values, **others):
    names = {1: ["input"], 2: ["left", "right"]}[len(values)]
    return answer(
        call(f"Array.{name}", **{key: constant(value) for key, value in zip(names, values, strict=True)}, **others)
    )


@pytest.mark.parametrize(
    ("name", "curve"),
    [
        ("sin", np.sin),
        ("sqrt", np.sqrt),
        ("log10", np.log10),
        ("cbrt", np.cbrt),
        ("gamma", scipy.special.gamma),
        ("digamma", scipy.special.digamma),
        ("trigamma", lambda values: scipy.special.polygamma(1, values)),
        ("erfcInv", scipy.special.erfcinv),
    ],
)
def test_curves_are_those_of_mathematics(name, curve):
    """Each element goes through the function, in double precision."""
    values = [0.25, 0.5, 1.5]
    assert applied(name, values) == pytest.approx(curve(values), rel=1e-12)


def test_the_incomplete_gamma_function_takes_x_first():
    """As tutorials call it for the distribution of chi squared."""
    assert applied("gammainc", [1.0, 2.0], [0.5, 1.5]) == pytest.approx(scipy.special.gammainc([0.5, 1.5], [1.0, 2.0]))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("matrixInverse", np.linalg.inv(MATRIX)),
        ("matrixPseudoInverse", np.linalg.pinv(MATRIX)),
        ("matrixDeterminant", np.linalg.det(MATRIX)),
        ("matrixTrace", np.trace(MATRIX)),
        ("matrixFnorm", np.linalg.norm(MATRIX)),
        ("matrixDiagonal", np.diag(MATRIX)[:, None]),
    ],
)
def test_linear_algebra_is_that_of_numpy(name, expected):
    """Of a regular matrix."""
    np.testing.assert_allclose(applied(name, MATRIX), expected, rtol=1e-9)


def test_a_cholesky_decomposition_multiplies_back():
    """L is lower triangular, and L L' the input."""
    lower = np.array(answer(call("Array.matrixCholeskyDecomposition", array=constant(MATRIX)))["L"])

    assert np.allclose(lower, np.tril(lower))
    np.testing.assert_allclose(lower @ lower.T, MATRIX)


def test_a_pivoted_decomposition_multiplies_back():
    """P input = L U, with ones on the diagonal of L."""
    matrix = [[0.0, 2.0, 1.0], [3.0, 1.0, 1.0], [6.0, 1.0, 4.0]]
    found = answer(call("Array.matrixLUDecomposition", array=constant(matrix)))
    parts = {key: np.array(value) for key, value in found.items()}

    assert np.allclose(parts["L"], np.tril(parts["L"]))
    assert np.diag(parts["L"]).tolist() == [1, 1, 1]
    np.testing.assert_allclose(parts["P"] @ matrix, parts["L"] @ parts["U"])


def test_more_equations_than_unknowns_are_solved_by_least_squares():
    """As numpy does."""
    left, right = CHANCE.random((7, 3)), CHANCE.random((7, 2))
    found = applied("matrixSolve", left.tolist(), right.tolist())
    np.testing.assert_allclose(found, np.linalg.lstsq(left, right, rcond=None)[0], rtol=1e-9)


@pytest.mark.parametrize(
    ("start", "end", "step", "kept"),
    [(0, None, 1, [0, 1, 2, 3, 4]), (-2, None, 1, [3, 4]), (-7, None, 3, [1, 4]), (1, -1, 2, [1, 3]), (9, 12, 1, [])],
)
def test_slices_take_multiples_of_the_step_that_exist(start, end, step, kept):
    """A start before the array still counts the steps from there."""
    node = call("Array.slice", array=constant([0, 1, 2, 3, 4]), axis=0, start=start, end=end, step=step)
    assert answer(node) == kept


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("toInt64", [1e300, -1e300, 2.5], [2**63 - 1, -(2**63), 3]),
        ("toUint32", [2**40, -3], [2**32 - 1, 0]),
        ("round", [2.5, -1.2], [3, -1]),
    ],
)
def test_casts_hold_what_is_out_of_range(name, values, expected):
    """At the bounds of the type, to the last unit."""
    assert applied(name, values) == expected


def test_a_reducer_of_two_inputs_takes_them_from_the_field_axis():
    """And puts its outputs there."""
    pairs = [[1, 2], [3, 4], [5, 9]]
    both = call(
        "Reducer.combine",
        reducer1=call("Reducer.sum"),
        reducer2=call("Reducer.max"),
        outputPrefix="",
        sharedInputs=False,
    )
    node = call("Array.reduce", array=constant(pairs), reducer=both, axes=constant([0]), fieldAxis=1)
    assert answer(node) == [[9, 9]]


def test_a_line_is_fitted_along_an_axis():
    """Of pairs (x, y) in the field axis, against numpy; scale and offset stand there in the result."""
    pairs = CHANCE.random((6, 2))
    node = call(
        "Array.reduce", array=constant(pairs.tolist()), reducer=call("Reducer.linearFit"), axes=[0], fieldAxis=1
    )
    np.testing.assert_allclose(answer(node), [np.polyfit(pairs[:, 0], pairs[:, 1], 1)])


@pytest.mark.parametrize(
    ("node", "named"),
    [
        (call("Array.add", left=constant([1, 2]), right=constant([1, 2, 3])), "different shapes"),
        (call("Array.mod", left=constant([1]), right=constant([0])), "Array.mod"),
        (call("Array.log", input=constant([0])), "Array.log"),
        (call("Array.matrixInverse", input=constant([[1, 2], [2, 4]])), "singular"),
        (call("Array.matrixPseudoInverse", input=call("Array.pow", left=constant([[0]]), right=-1)), "infinite"),
        (call("Array.bitsToArray", input=6), "Array.bitsToArray"),
        (call("Array.eigen", input=constant([[1, 2], [0.5, 1]])), "neither symmetric"),
        (call("Array.sort", array=constant([1, 2]), keys=constant([5, 5])), "equal keys"),
        (
            call("Array.add", left=call("Array.byte", input=constant([255])), right=constant([2**31 - 1])),
            "integer type",
        ),
        (call("Array.add", left=constant([2**63 - 1]), right=constant([1])), "integer type"),
        (call("Array.abs", input=constant([-(2**63)])), "integer type"),
        (call("Array.argmax", array=5), "Array.argmax"),
        (call("List.size", list=made([1, 2])), "List.size"),
        (call("List.contains", list=array(made([1])), element=made([1])), "two values of type Array"),
        (call("PixelType", precision="int", minValue=0), "PixelType"),
    ],
)
def test_what_no_page_tells_is_refused_by_name(node, named):
    """Rather than answered by guess."""
    with pytest.raises(NotImitatedError, match=named):
        answer(node)


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        (made([[1, 2], [3]]), "same length"),
        (made([]), "pixel type"),
        (made(["a"]), "found: a"),
        (call("Array.get", array=constant([1, 2]), position=constant([2])), r"\[2\] is outside"),
        (call("Array.cat", arrays=array(made([[1, 2]]), made([[1], [2]])), axis=0), "same length"),
        (call("Array.reshape", array=constant([1, 2, 3]), shape=constant([2, -1])), "Cannot reshape"),
        (call("Array.project", array=constant([[1, 2]]), axes=constant([0])), "length 1"),
        (call("ConfusionMatrix", array=made([[1, 2]])), "square"),
        (call("Array.identity", size=1_000_000), "too many"),
        (call("Array.pad", array=constant([1]), lengths=constant([10**9])), "too many"),
        (call("Array.pad", array=constant([1]), lengths=constant(["a"])), "found: a"),
        (call("Array.reduce", array=constant([1]), reducer=call("Reducer.sum"), axes=constant([0.5])), "found: 0.5"),
        (call("PixelType", precision="long"), "found: long"),
    ],
)
def test_bad_arrays_are_named(node, sentence):
    """One line says what was found."""
    with pytest.raises(EvaluationError, match=sentence):
        answer(node)


# Found with ejml 0.41, which the page of `Array.eigen` names; the values are also numpy's.
DIRECTED = [
    (
        [[4.0, 1.0, 2.0], [1.0, 3.0, 0.5], [2.0, 0.5, 5.0]],
        [
            [6.83125, -0.61657, -0.258, -0.74383],
            [3.07222, 0.32577, 0.7765, -0.53937],
            [2.09652, -0.71674, 0.57487, 0.39472],
        ],
    ),
    (
        [[2.0, -1.0, 0.0, 3.0], [-1.0, 2.0, -1.0, 0.0], [0.0, -1.0, 2.0, -1.0], [3.0, 0.0, -1.0, 2.0]],
        [
            [5.23607, -0.68819, 0.16246, 0.16246, -0.68819],
            [3.23607, 0.16246, -0.68819, 0.68819, -0.16246],
            [0.76393, 0.16246, 0.68819, 0.68819, 0.16246],
            [-1.23607, 0.68819, 0.16246, -0.16246, -0.68819],
        ],
    ),
]


@pytest.mark.parametrize(("matrix", "expected"), DIRECTED)
def test_eigenvectors_point_where_ejml_leaves_them(matrix, expected):
    """Rows of value and vector, the highest value first."""
    found = np.array(applied("eigen", matrix))

    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(found[:, 0], np.linalg.eigvalsh(matrix)[::-1], rtol=1e-12)


def test_eigenvectors_of_a_triangle_point_where_ejml_leaves_them():
    """An eigenvalue that is met again has the vector of the first but in one place."""
    expected = [[4.0, 0.5547, 0.83205, 0.0], [1.0, 0.0, 0.0, 1.0], [1.0, 1.0, 0.0, 0.0]]
    np.testing.assert_allclose(applied("eigen", [[1, 2, 3], [0, 4, 5], [0, 0, 1]]), expected, atol=1e-5)


COUNTS = [[30, 2, 1], [3, 20, 0], [0, 4, 40]]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accuracy", 0.9),
        ("consumersAccuracy", [[30 / 33, 20 / 26, 40 / 41]]),
        ("producersAccuracy", [[30 / 33], [20 / 23], [40 / 44]]),
        ("kappa", (0.9 - (33 * 33 + 23 * 26 + 44 * 41) / 1e4) / (1 - (33 * 33 + 23 * 26 + 44 * 41) / 1e4)),
        ("fscore", [30 / 33, 2 * 20 / (26 + 23), 2 * 40 / (41 + 44)]),
    ],
)
def test_confusion_matrices_are_measured_by_their_formulas(name, expected):
    """Rows are what was there, columns what was found."""
    matrix = call("ConfusionMatrix", array=made(COUNTS))
    np.testing.assert_allclose(answer(call(f"ConfusionMatrix.{name}", confusionMatrix=matrix)), expected)


def test_confusion_matrices_are_written_as_rows():
    """As public programs write them to files."""
    assert answer(call("ConfusionMatrix", array=made(COUNTS))) == COUNTS


def test_properties_give_arrays():
    """A list is none, an array is."""
    feature = call("Element.set", object=call("Feature", geometry=None), key="a", value=made([1, 2]))
    assert answer(call("Array.add", left=call("Element.getArray", object=feature, property="a"), right=1)) == [2, 3]
