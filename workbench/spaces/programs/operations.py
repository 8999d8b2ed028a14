"""The 65 operations of programs, each in one place: operands, how it reads, how NumPy does it, what it costs.

Source: Real et al. 2020, "AutoML-Zero: Evolving Machine Learning Algorithms From Scratch", table S1. A number is IEEE
float64; nothing raises: a division by zero gives an infinity, and what has no value is NaN.
"""

from __future__ import annotations

from typing import NamedTuple

SCALAR, VECTOR, MATRIX = "s", "v", "m"
"""Types of memory: numbers, vectors [F] and matrices [F, F] of F features."""


class Operation(NamedTuple):
    """One operation; the templates take operands `a` and `b`, the output `o`, and constants by their names."""

    name: str
    inputs: str  # types of its operands: "", "v", "mv"
    output: str  # type of what it writes; "" if it writes nothing
    text: str  # for people
    numpy: str  # as a NumPy statement; draws are not told so
    flops: tuple[int, ...]  # coefficients of 1, F, F² and F³
    constants: tuple[str, ...] = ()
    """"value"; "row", "column" (0 to 1, a fraction of F); "low", "high"; "mean", "std"."""

    @property
    def writes_part(self) -> bool:
        """Whether the rest of its output stays as it was."""
        return "row" in self.constants

    @property
    def draws(self) -> bool:
        """Whether its result is random."""
        return "low" in self.constants or "mean" in self.constants

    def cost(self, features: int) -> int:
        """Arithmetic operations of one execution."""
        return sum(factor * features**power for power, factor in enumerate(self.flops))


def element(fraction: float, features: int) -> int:
    """The place from 0 to F - 1 that "row" or "column" of an instruction's constants means."""
    return min(max(int(fraction * features), 0), features - 1)


_EACH = {SCALAR: (1,), VECTOR: (0, 1), MATRIX: (0, 0, 1)}
"""One operation for each value of a type."""
_NAMES = {SCALAR: "scalar", VECTOR: "vector", MATRIX: "matrix"}


def _twice(flops: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(2 * factor for factor in flops)


def _pairwise(kind: str) -> list[Operation]:
    """Sum, difference, product, quotient, minimum and maximum, value by value."""
    signs = (("sum", "+", "+"), ("difference", "−", "-"), ("product", "×", "*"), ("quotient", "÷", "/"))
    found = [
        Operation(
            f"{_NAMES[kind]}_{name}",
            2 * kind,
            kind,
            f"{{o}} = {{a}} {sign} {{b}}",
            f"{{o}} = {{a}} {code} {{b}}",
            _EACH[kind],
        )
        for name, sign, code in signs
    ]
    return found + [
        Operation(
            f"{_NAMES[kind]}_{name}imum",
            2 * kind,
            kind,
            f"{{o}} = {name}({{a}}, {{b}})",
            f"{{o}} = np.{name}imum({{a}}, {{b}})",
            _EACH[kind],
        )
        for name in ("min", "max")
    ]


def _one(kind: str, name: str, text: str, numpy: str, output: str = "", flops: tuple[int, ...] = ()) -> Operation:
    """An operation on one operand; the same type and one operation a value unless it says otherwise."""
    return Operation(
        f"{_NAMES[kind]}_{name}",
        kind,
        output or kind,
        f"{{o}} = {text}",
        f"{{o}} = {numpy}",
        flops or _EACH[kind],
    )


def _draws(kind: str) -> list[Operation]:
    """Uniform and normal draws."""
    return [
        Operation(
            f"{_NAMES[kind]}_uniform",
            "",
            kind,
            "{o} = uniform({low}, {high})",
            "",
            _twice(_EACH[kind]),
            ("low", "high"),
        ),
        Operation(
            f"{_NAMES[kind]}_gaussian",
            "",
            kind,
            "{o} = gaussian({mean}, {std})",
            "",
            _twice(_EACH[kind]),
            ("mean", "std"),
        ),
    ]


_FUNCTIONS = {
    "sin": "sin",
    "cos": "cos",
    "tan": "tan",
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "exp": "exp",
    "log": "log",
}
"""By name, that of NumPy."""

OPERATIONS: tuple[Operation, ...] = (
    Operation("no_op", "", "", "no operation", "pass", (0,)),
    # numbers
    *_pairwise(SCALAR),
    _one(SCALAR, "abs", "|{a}|", "abs({a})"),
    _one(SCALAR, "reciprocal", "1 ÷ {a}", "1 / {a}"),
    *(_one(SCALAR, name, f"{name}({{a}})", f"np.{numpy}({{a}})") for name, numpy in _FUNCTIONS.items()),
    _one(SCALAR, "heaviside", "[{a} ≥ 0]", "np.float64({a} >= 0)"),
    # vectors
    _one(VECTOR, "heaviside", "[{a} > 0]", "({a} > 0).astype(float)"),
    _one(VECTOR, "abs", "|{a}|", "abs({a})"),
    _one(VECTOR, "reciprocal", "1 ÷ {a}", "1 / {a}"),
    _one(VECTOR, "norm", "norm({a})", "np.sqrt(np.sum({a} * {a}))", SCALAR, (1, 2)),
    _one(VECTOR, "mean", "mean({a})", "np.mean({a})", SCALAR, (1, 1)),
    _one(VECTOR, "std", "std({a})", "np.std({a})", SCALAR, (3, 4)),
    *_pairwise(VECTOR),
    Operation("vector_dot", "vv", SCALAR, "{o} = {a} · {b}", "{o} = np.dot({a}, {b})", (0, 2)),
    Operation("vector_outer", "vv", MATRIX, "{o} = {a} ⊗ {b}", "{o} = np.outer({a}, {b})", (0, 0, 1)),
    # matrices
    _one(MATRIX, "heaviside", "[{a} > 0]", "({a} > 0).astype(float)"),
    _one(MATRIX, "abs", "|{a}|", "abs({a})"),
    _one(MATRIX, "reciprocal", "1 ÷ {a}", "1 / {a}"),
    _one(MATRIX, "norm", "norm({a})", "np.sqrt(np.sum({a} * {a}))", SCALAR, (1, 0, 2)),
    _one(MATRIX, "column_norm", "column norms({a})", "np.sqrt(np.sum({a} * {a}, axis=0))", VECTOR, (0, 1, 2)),
    _one(MATRIX, "row_norm", "row norms({a})", "np.sqrt(np.sum({a} * {a}, axis=1))", VECTOR, (0, 1, 2)),
    _one(MATRIX, "transpose", "{a}ᵀ", "{a}.T.copy()", MATRIX, (0,)),
    _one(MATRIX, "mean", "mean({a})", "np.mean({a})", SCALAR, (1, 0, 1)),
    _one(MATRIX, "row_mean", "row means({a})", "np.mean({a}, axis=1)", VECTOR, (0, 1, 1)),
    _one(MATRIX, "row_std", "row stds({a})", "np.std({a}, axis=1)", VECTOR, (0, 3, 4)),
    _one(MATRIX, "std", "std({a})", "np.std({a})", SCALAR, (3, 0, 4)),
    *_pairwise(MATRIX),
    Operation("matrix_matrix", "mm", MATRIX, "{o} = {a} · {b}", "{o} = {a} @ {b}", (0, 0, 0, 2)),
    # mixed
    Operation("scalar_vector", "sv", VECTOR, "{o} = {a} × {b}", "{o} = {a} * {b}", (0, 1)),
    Operation("scalar_matrix", "sm", MATRIX, "{o} = {a} × {b}", "{o} = {a} * {b}", (0, 0, 1)),
    Operation("matrix_vector", "mv", VECTOR, "{o} = {a} · {b}", "{o} = {a} @ {b}", (0, 0, 2)),
    Operation("scalar_broadcast", "s", VECTOR, "{o} = every value {a}", "{o} = np.full(F, {a})", (0,)),
    Operation("column_broadcast", "v", MATRIX, "{o} = every column {a}", "{o} = np.outer({a}, np.ones(F))", (0,)),
    Operation("row_broadcast", "v", MATRIX, "{o} = every row {a}", "{o} = np.outer(np.ones(F), {a})", (0,)),
    # constants and draws
    Operation("scalar_constant", "", SCALAR, "{o} = {value}", "{o} = np.float64({value})", (0,), ("value",)),
    Operation("vector_constant", "", VECTOR, "{o}[{row}] = {value}", "{o}[{row}] = {value}", (0,), ("value", "row")),
    Operation(
        "matrix_constant",
        "",
        MATRIX,
        "{o}[{row}, {column}] = {value}",
        "{o}[{row}, {column}] = {value}",
        (0,),
        ("value", "row", "column"),
    ),
    *_draws(SCALAR),
    *_draws(VECTOR),
    *_draws(MATRIX),
)
"""By code, the place in this tuple: run files hold codes, so the order never changes."""

CODES = {operation.name: code for code, operation in enumerate(OPERATIONS)}

_LINEAR = ("scalar_constant", "vector_dot", "scalar_difference", "scalar_product", "scalar_vector", "vector_sum")
_ALL = tuple(CODES)[1:]

OPERATION_SETS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "all": (_ALL, _ALL, _ALL),
    "baseline": (
        (
            "scalar_constant",
            "scalar_gaussian",
            "scalar_uniform",
            "vector_gaussian",
            "vector_uniform",
            "matrix_gaussian",
            "matrix_uniform",
        ),
        ("scalar_sum", "matrix_vector", "vector_maximum", "vector_dot", "vector_sum"),
        (
            "scalar_sum",
            "scalar_difference",
            "scalar_product",
            "scalar_vector",
            "vector_sum",
            "vector_heaviside",
            "vector_product",
            "vector_outer",
            "matrix_sum",
        ),
    ),
    "linear": (_LINEAR, _LINEAR, _LINEAR),
}
"""By name, the operations that may be drawn in Setup, Predict and Learn: all; those of the published baselines (enough
for a two-layer network with one output); those of the published demonstration (enough for a linear model)."""
