# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""The error bounds of functions.rst, against values of arbitrary precision (mpmath).

exact(name) is the function itself, as the page's first table writes it, on numbers that
are neither infinite nor NaN. Bounds are read from that table.
"""

import re
import sys

try:
    import mpmath
except ModuleNotFoundError:
    # Debian's package, which is not for a Python of somebody's own.
    sys.path.append("/usr/lib/python3/dist-packages")
    import mpmath

import functions

mpf = mpmath.mpf

mpmath.mp.prec = 200	# bits; and as many more as cancellation eats
LARGEST = mpf(2) ** 128 - mpf(2) ** 103	# halfway from the largest F32 to 2^128


def table():
    """{name: (ulp, absolute bound of negative arguments or 0)}"""
    section = re.search(r"^Bounds\n.*?^Special values", functions.read_text(), re.M | re.S).group(0)
    bounds = {}
    for line in section.splitlines():
        found = re.match(r"([A-Z_, ]+?)  +.*  +(\d) ulp(, or 2\^-24 in absolute value where a < 0)?", line)
        if found:
            for name in found.group(1).split(", "):
                bounds[name] = (int(found.group(2)), mpf(2) ** -24 if found.group(3) else 0)
    return bounds


def sigmoid(a):
    return 1 / (1 + mpmath.exp(-a))


def gelu_tanh(a, _):
    u = mpmath.sqrt(2 / mpmath.pi) * (a + mpf("0.044715") * a ** 3)
    return a * sigmoid(2 * u)


def sine(a, function):
    """Enough bits for the quadrants of the largest arguments."""
    with mpmath.workprec(400):
        return function(a)


EXACT = {
    "EXP": lambda a, _: mpmath.exp(a),
    "LOG": lambda a, _: mpmath.log(a),
    "SIN": lambda a, _: sine(a, mpmath.sin),
    "COS": lambda a, _: sine(a, mpmath.cos),
    "TANH": lambda a, _: mpmath.tanh(a),
    "ERF": lambda a, _: mpmath.erf(a),
    "SIGMOID": lambda a, _: sigmoid(a),
    "GELU": lambda a, _: a / 2 * mpmath.erfc(-a / mpmath.sqrt(2)),
    "GELU_TANH": gelu_tanh,
    "SILU": lambda a, _: a * sigmoid(a),
    "SOFTPLUS": lambda a, _: a + mpmath.log1p(mpmath.exp(-a)) if a > 0 else mpmath.log1p(mpmath.exp(a)),
    "ELU": lambda a, param: param * mpmath.expm1(a) if a < 0 else a,
    "POW": mpmath.power,
}

# Where the exact value leaves the range of F32 by far, mpmath would compute for ever.
CLAMPED = {"EXP": 2000, "ERF": 100, "TANH": 1000, "SIGMOID": 2000, "GELU": 100, "GELU_TANH": 100,
           "SILU": 2000, "SOFTPLUS": 2000, "ELU": 2000}


def exact(name, a, b):
    if name in CLAMPED and a < -CLAMPED[name]:
        a = -CLAMPED[name]
    if name in ("EXP", "ERF", "TANH", "SIGMOID") and a > CLAMPED[name]:
        a = CLAMPED[name]
    if name in ("GELU", "GELU_TANH", "SILU", "SOFTPLUS") and a > CLAMPED[name]:
        return mpf(a)
    if name == "POW":
        # |log2 of the value| beyond 2000 is infinity or zero, whatever it is exactly
        size = b * mpmath.log(a, 2)
        if abs(size) > 2000:
            return mpf(2) ** (2000 if size > 0 else -2000)
    return EXACT[name](mpf(a), b)


def error(result, value):
    """In units of the last place at the exact value; None if the result is of another kind."""
    if result != result:
        return None
    if abs(value) >= LARGEST:
        return 0 if result == (functions.INFINITY if value > 0 else -functions.INFINITY) else None
    if abs(result) == functions.INFINITY:
        # Just below the limit the neighbour is infinity.
        return 1 if abs(value) >= mpf(2) ** 128 - mpf(2) ** 104 and result * value > 0 else None
    exponent = max(mpmath.frexp(value)[1] - 1, -126) if value else -126
    return abs(mpf(result) - value) / mpf(2) ** (exponent - 23)
