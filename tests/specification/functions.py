# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""functions.rst as a program. Constants and coefficients are read from that page.

Arguments are F32; results are rounded to F32 once, at the end.
"""

import math
import os
import re

from binary32 import (INFINITY, NAN, clamp, divide, fma, maximum, minimum, rn, square_root)

PAGE = os.path.join(os.path.dirname(os.path.realpath(__file__)),
                    "../../Documentation/hardware/functions.rst")


def read_text():
    with open(PAGE, encoding="utf-8") as file:
        return file.read()


def read_page():
    page = read_text()
    numbers = {name: float.fromhex(value) for name, value in
               re.findall(r"^([A-Z][A-Z0-9_]+) +(0x[0-9a-f.]+p[+-]?\d+)$", page, re.M)}
    polynomials = {}
    for names, body in re.findall(r"begin generated: polynomial ([^\n]*)\n(.*?)end generated",
                                  page, re.S):
        lines = body.split("\n")
        head = next(line for line in lines if line.startswith("Power"))
        starts = [head.index(f"``{name}``") for name in names.split()] + [len(head) + 80]
        for name, start, end in zip(names.split(), starts, starts[1:]):
            cells = [line[start:end].strip() for line in lines if re.match(r"\d", line)]
            polynomials[name] = [float.fromhex(cell) if "x" in cell else float(cell)
                                 for cell in cells if cell]
    return numbers, polynomials


N, POLYNOMIALS = read_page()


# -- parts -----------------------------------------------------------------------


def horner(name, t):
    first, *rest = POLYNOMIALS[name]
    p = first
    for coefficient in rest:
        p = p * t + coefficient
    return p


def exp_parts(x):
    t = x * N["LOG2_E"] + N["ROUNDER"]
    n = t - N["ROUNDER"]
    r = (x - n * N["LN2_HIGH"]) - n * N["LN2_LOW"]
    return math.ldexp(1.0, int(n)), (horner("exp_parts", r) * r) * r + r


def exp_of(x):
    s, p = exp_parts(x)
    return s * p + s


def expm1_of(x):
    s, p = exp_parts(x)
    return s * p + (s - 1)


def series(s):
    return horner("atanh_series", s) * s


def log_of(x):
    m, e = math.frexp(x)
    if m < N["SQRT_HALF"]:
        m, e = 2 * m, e - 1
    f = (m - 1) / (m + 1)
    y = f * series(f * f) + 2 * f
    return e * N["LN2_HIGH"] + (e * N["LN2_LOW"] + y)


def log1p_of(u):
    f = u / (u + 2)
    return f * series(f * f) + 2 * f


def erfc_of(z):
    return exp_of(-(z * z)) * horner("erfc_of", (z - 2) / (z + 2))


def sin_small(r):
    q = r * r
    return (horner("sin_small", q) * q) * r + r


def cos_small(r):
    q = r * r
    return horner("cos_small", q) * q + 1


def quadrant(r, k):
    v = cos_small(r) if k & 1 else sin_small(r)
    return -v if k & 2 else v


def sigmoid_of(x):
    return 1 / (1 + exp_of(clamp(-x, -200, 200)))


def two_over_pi(digits):
    """The first binary digits of 2 / pi, as an integer; by Machin's formula."""
    one = 1 << (digits + 64)

    def arctangent(n):
        power = total = one // n
        k, sign = 1, 1
        while power:
            power //= n * n
            k, sign = k + 2, -sign
            total += sign * (power // k)
        return total

    pi = 4 * (4 * arctangent(5) - arctangent(239))
    return (2 * one << digits) // pi


DIGITS = 320
TWO_OVER_PI = two_over_pi(DIGITS)


def turn(a, quarter):
    """sin(a + quarter * pi / 2)"""
    if abs(a) < 1 << 17:
        t = a * N["TWO_OVER_PI"] + N["ROUNDER"]
        n = t - N["ROUNDER"]
        r = ((a - n * N["PI_2_HIGH"]) - n * N["PI_2_MIDDLE"]) - n * N["PI_2_LOW"]
        return quadrant(r, int(n) + quarter)
    m, e = math.frexp(abs(a))
    s, e = int(math.ldexp(m, 24)), e - 24
    # Digit i has the weight 2^-i; times 2^e, that of the first one is to be 2.
    first = e - 1
    window = TWO_OVER_PI >> (DIGITS - first - 127) & ((1 << 128) - 1)
    product = window * s & ((1 << 128) - 1)
    k, fraction = product >> 126, product & ((1 << 126) - 1)
    if fraction >> 125:
        k, fraction = k + 1, fraction - (1 << 126)
    r = math.ldexp(float(fraction), -126) * N["PI_2"]
    if a < 0:
        r, k = -r, -k
    return quadrant(r, k + quarter)


# -- functions: special values first, then the algorithm ---------------------------


def exp(a, _p=0.0):
    return rn(exp_of(clamp(a, -200, 200)))


def log(a, _p=0.0):
    if a == 0:
        return -INFINITY
    if a < 0:
        return NAN
    return a if a == INFINITY else rn(log_of(a))


def sin(a, _p=0.0):
    if math.isinf(a):
        return NAN
    return a if a == 0 else rn(turn(a, 0))


def cos(a, _p=0.0):
    return NAN if math.isinf(a) else rn(turn(a, 1))


def tanh(a, _p=0.0):
    t = expm1_of(clamp(2 * abs(a), 0, 60))
    return rn(math.copysign(t / (t + 2), a))


def erf(a, _p=0.0):
    x = abs(a)
    r = x * horner("erf_small", x * x) if x < 1 else 1 - erfc_of(clamp(x, 0, 15))
    return rn(math.copysign(r, a))


def sigmoid(a, _p=0.0):
    return rn(sigmoid_of(a))


def silu(a, _p=0.0):
    x = max(a, -300.0)
    return rn(x * sigmoid_of(x))


def gelu(a, _p=0.0):
    x = max(a, -30.0)
    e = erfc_of(clamp(abs(x) * N["SQRT_HALF"], 0, 15))
    return rn((0.5 * x) * (e if x < 0 else 2 - e))


def gelu_tanh(a, _p=0.0):
    x = max(a, -30.0)
    y = clamp(x, -30, 30)
    u = N["SQRT_2_OVER_PI"] * (y + N["GELU_CUBE"] * ((y * y) * y))
    return rn(x * sigmoid_of(2 * u))


def softplus(a, _p=0.0):
    return rn((a if a > 0 else 0.0) + log1p_of(exp_of(clamp(-abs(a), -200, 0))))


def elu(a, p):
    return rn(p * expm1_of(clamp(a, -200, 0))) if a < 0 else a


def rsqrt(a, _p=0.0):
    return divide(1.0, square_root(a))


def recip(a, _p=0.0):
    return divide(1.0, a)


def sqrt(a, _p=0.0):
    return square_root(a)


def relu(a, _p=0.0):
    return maximum(a, 0.0)


def leaky_relu(a, p):
    return rn(p * a) if a < 0 else a


def hard_sigmoid(a, p, q):
    return minimum(maximum(fma(p, a, q), 0.0), 1.0)


def hard_swish(a):
    if a == -INFINITY:
        return -0.0
    sixth = float.fromhex("0x1.555556p-3")  # 0x3e2aaaab
    return rn(a * minimum(maximum(fma(a, sixth, 0.5), 0.0), 1.0))


def power(a, b):
    """C's Annex F."""
    integer = math.isinf(b) or b == math.floor(b) if b == b else False
    odd = integer and not math.isinf(b) and b % 2 == 1
    if b == 0 or a == 1:
        return 1.0
    if a != a or b != b:
        return NAN
    if abs(a) == 1 and math.isinf(b):
        return 1.0
    if a < 0 and not math.isinf(a) and not integer:
        return NAN
    if a == 0:
        r = INFINITY if b < 0 else 0.0
    elif math.isinf(a):
        r = 0.0 if b < 0 else INFINITY
    else:
        r = rn(exp_of(clamp(b * log_of(abs(a)), -200, 200)))
    return -r if odd and math.copysign(1, a) < 0 else r


# By the numbers of enum egret_map_op; a NaN gives a NaN, whatever the function.
UNARY = {0x10: sqrt, 0x11: rsqrt, 0x12: recip, 0x13: exp, 0x14: log, 0x15: sin, 0x16: cos,
         0x17: tanh, 0x18: erf, 0x19: sigmoid, 0x1a: gelu, 0x1b: gelu_tanh, 0x1c: silu,
         0x1d: softplus, 0x1e: relu, 0x1f: leaky_relu, 0x20: elu}


def unary(op, a, param):
    return NAN if a != a else UNARY[op](a, param)


def activation(act, x, a, b):
    """enum egret_act"""
    if act == 0:
        return x
    if x != x:
        return NAN
    if act == 2:
        return minimum(maximum(x, a), b)
    if act == 9:
        return hard_sigmoid(x, a, b)
    if act == 10:
        return hard_swish(x)
    op = {1: 0x1e, 3: 0x1f, 4: 0x19, 5: 0x17, 6: 0x1a, 7: 0x1b, 8: 0x1c}[act]
    return unary(op, x, a)
