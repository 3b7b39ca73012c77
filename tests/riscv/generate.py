#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""Write test programs for the instructions that compute, one program for each.

    generate.py FOLDER

A program goes through a table of operands and expected results. The results come
from here: integers and fractions of any size, so that nothing of them is shared with
the interpreter that they test. Floating point is worked out exactly and then rounded
once, as IEEE 754 defines it. Everything is the same in every run.
"""

import math
import os
import random
import sys
from fractions import Fraction

MASK = (1 << 64) - 1
HEADER = """/* SPDX-License-Identifier: MIT */
/* Written by tests/riscv/generate.py: {name} */
#include "test.h"

TEST_BEGIN
"""
NX, UF, OF, DZ, NV = 1, 2, 4, 8, 16
RNE, RTZ, RDN, RUP, RMM = range(5)


def signed(value, bits=64):
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def unsigned(value, bits=64):
    return value & ((1 << bits) - 1)


def word(value):
    """A result of 32 bits, as a register holds it."""
    return unsigned(signed(value, 32))


# ---- Integers ----------------------------------------------------------------

INTEGERS = [0, 1, 2, 3, 31, 32, 63, 64, 0x7ff, 0x800, 0x7fffffff, 0x80000000, 0xffffffff,
            0x100000000, 0x123456789abcdef0, 0x7fffffffffffffff, 0x8000000000000000,
            0x8000000000000001, 0xfffffffffffff800, 0xffffffff80000000, 0xfffffffffffffffe,
            0xffffffffffffffff]
IMMEDIATES = [0, 1, -1, 5, 0x7ff, -0x800, 0x555, -0x333]


def quotient(a, b):
    """Toward zero; the caller has looked after b == 0."""
    q = abs(a) // abs(b)
    return -q if (a < 0) != (b < 0) else q


def divide(a, b, bits, is_signed):
    a, b = (signed(a, bits), signed(b, bits)) if is_signed else (unsigned(a, bits), unsigned(b, bits))
    return unsigned(quotient(a, b), bits) if b else (1 << bits) - 1


def remainder(a, b, bits, is_signed):
    a, b = (signed(a, bits), signed(b, bits)) if is_signed else (unsigned(a, bits), unsigned(b, bits))
    return unsigned(a - b * quotient(a, b), bits) if b else unsigned(a, bits)


REGISTER = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "sll": lambda a, b: a << (b & 63),
    "slt": lambda a, b: signed(a) < signed(b),
    "sltu": lambda a, b: a < b,
    "xor": lambda a, b: a ^ b,
    "srl": lambda a, b: a >> (b & 63),
    "sra": lambda a, b: signed(a) >> (b & 63),
    "or": lambda a, b: a | b,
    "and": lambda a, b: a & b,
    "addw": lambda a, b: word(a + b),
    "subw": lambda a, b: word(a - b),
    "sllw": lambda a, b: word(a << (b & 31)),
    "srlw": lambda a, b: word(unsigned(a, 32) >> (b & 31)),
    "sraw": lambda a, b: word(signed(a, 32) >> (b & 31)),
}
IMMEDIATE = {
    "addi": REGISTER["add"], "slti": REGISTER["slt"], "sltiu": REGISTER["sltu"],
    "xori": REGISTER["xor"], "ori": REGISTER["or"], "andi": REGISTER["and"],
    "addiw": REGISTER["addw"],
}
SHIFT = {
    "slli": REGISTER["sll"], "srli": REGISTER["srl"], "srai": REGISTER["sra"],
    "slliw": REGISTER["sllw"], "srliw": REGISTER["srlw"], "sraiw": REGISTER["sraw"],
}
MULTIPLY = {
    "mul": lambda a, b: a * b,
    "mulh": lambda a, b: signed(a) * signed(b) >> 64,
    "mulhsu": lambda a, b: signed(a) * b >> 64,
    "mulhu": lambda a, b: a * b >> 64,
    "div": lambda a, b: divide(a, b, 64, True),
    "divu": lambda a, b: divide(a, b, 64, False),
    "rem": lambda a, b: remainder(a, b, 64, True),
    "remu": lambda a, b: remainder(a, b, 64, False),
    "mulw": lambda a, b: word(a * b),
    "divw": lambda a, b: word(divide(a, b, 32, True)),
    "divuw": lambda a, b: word(divide(a, b, 32, False)),
    "remw": lambda a, b: word(remainder(a, b, 32, True)),
    "remuw": lambda a, b: word(remainder(a, b, 32, False)),
}
ATOMIC = {
    "amoswap": lambda old, new, bits: new,
    "amoadd": lambda old, new, bits: old + new,
    "amoxor": lambda old, new, bits: old ^ new,
    "amoand": lambda old, new, bits: old & new,
    "amoor": lambda old, new, bits: old | new,
    "amomin": lambda old, new, bits: min(signed(old, bits), signed(new, bits)),
    "amomax": lambda old, new, bits: max(signed(old, bits), signed(new, bits)),
    "amominu": lambda old, new, bits: min(unsigned(old, bits), unsigned(new, bits)),
    "amomaxu": lambda old, new, bits: max(unsigned(old, bits), unsigned(new, bits)),
}


def table(rows):
    lines = [".data", ".balign 16", "table:"]
    lines += ["\t.dword " + ", ".join(f"0x{unsigned(int(v)):x}" for v in row) for row in rows]
    return "\n".join(lines + ["table_end:", ""])


def loop(body, columns):
    """gp, the number of the test case, is the row of the table, from 1."""
    return f"""	la s0, table
	la s1, table_end
	li gp, 0
1:	addi gp, gp, 1
{body}
	addi s0, s0, {8 * columns}
	bne s0, s1, 1b
TEST_END
"""


def register_program(name, function):
    rows = [(a, b, function(a, b)) for a in INTEGERS for b in INTEGERS]
    body = f"""	ld a1, 0(s0)
	ld a2, 8(s0)
	ld a3, 16(s0)
	{name} a0, a1, a2
	bne a0, a3, 9f
	mv a4, a1
	{name} a4, a4, a2
	bne a4, a3, 9f
	mv a5, a2
	{name} a5, a1, a5
	bne a5, a3, 9f
	{name} x0, a1, a2
	bnez x0, 9f
	.subsection 1
9:	j fail
	.previous"""
    return loop(body, 3) + table(rows)


def immediate_program(name, function, immediates):
    """The immediate is in the instruction: code for each, over one table of operands."""
    code = ""
    rows = []
    for i, immediate in enumerate(immediates):
        code += f"""	ld a3, {8 + 8 * i}(s0)
	{name} a0, a1, {immediate}
	bne a0, a3, 9f
	mv a4, a1
	{name} a4, a4, {immediate}
	bne a4, a3, 9f
"""
    for a in INTEGERS:
        rows.append([a] + [function(a, unsigned(i)) for i in immediates])
    body = "	ld a1, 0(s0)\n" + code + "	.subsection 1\n9:	j fail\n	.previous"
    return loop(body, 1 + len(immediates)) + table(rows)


def atomic_program(name, function, bits):
    rows = []
    for old in INTEGERS:
        for new in INTEGERS:
            memory = unsigned(function(unsigned(old, bits), unsigned(new, bits), bits), bits)
            # What lies beside the operand must stay.
            rows.append((old, new, unsigned(signed(old, bits)), old >> bits << bits | memory))
    suffix = "w" if bits == 32 else "d"
    order = {"amoadd": ".aq", "amoxor": ".rl", "amoor": ".aqrl"}.get(name, "")
    body = f"""	ld a1, 0(s0)
	ld a2, 8(s0)
	la a4, cell
	sd a1, 0(a4)
	{name}.{suffix}{order} a0, a2, (a4)
	ld a3, 16(s0)
	bne a0, a3, 9f
	ld a5, 0(a4)
	ld a3, 24(s0)
	bne a5, a3, 9f
	sd a1, 0(a4)
	{name}.{suffix} x0, a2, (a4)
	ld a5, 0(a4)
	bne a5, a3, 9f
	.subsection 1
9:	j fail
	.previous"""
    return loop(body, 4) + table(rows) + "\t.balign 8\ncell:\t.dword 0\n"


# ---- Floating point --------------------------------------------------------------

class Format:
    """A binary format of IEEE 754; numbers are their bits."""

    def __init__(self, bits, precision):
        self.bits = bits
        self.precision = precision
        self.fraction = precision - 1
        self.bias = (1 << (bits - precision - 1)) - 1
        self.sign = 1 << (bits - 1)
        self.infinity = (2 * self.bias + 1) << self.fraction
        self.nan = self.infinity | 1 << (self.fraction - 1)

    def is_nan(self, x):
        return x & ~self.sign > self.infinity

    def is_signalling(self, x):
        return self.is_nan(x) and not x >> (self.fraction - 1) & 1

    def is_infinite(self, x):
        return x & ~self.sign == self.infinity

    def negative(self, x):
        return bool(x & self.sign)

    def value(self, x):
        exponent = x >> self.fraction & (2 * self.bias + 1)
        fraction = x & ((1 << self.fraction) - 1)
        if exponent:
            fraction |= 1 << self.fraction
        else:
            exponent = 1
        scale = exponent - self.bias - self.fraction
        v = Fraction(fraction) * (Fraction(2) ** scale)
        return -v if x & self.sign else v

    def round(self, x, mode):
        """The bits of a fraction other than zero, and the flags."""
        negative = x < 0
        x = abs(x)
        exponent = x.numerator.bit_length() - x.denominator.bit_length()
        if Fraction(2) ** exponent > x:
            exponent -= 1
        least = 1 - self.bias
        unit = max(exponent, least) - self.fraction
        n, exact = round_integer(x / Fraction(2) ** unit, mode, negative)
        flags = 0 if exact else NX
        free, _ = round_integer(x / Fraction(2) ** (exponent - self.fraction), mode, negative)
        tiny = free * Fraction(2) ** (exponent - self.fraction) < Fraction(2) ** least
        if not exact and tiny:
            flags |= UF
        if n >> self.precision:
            n >>= 1
            unit += 1
        sign = self.sign if negative else 0
        if n >> self.fraction == 0:
            return sign | n, flags
        biased = unit + self.fraction + self.bias
        if biased > 2 * self.bias:
            toward_zero = mode == RTZ or mode == (RUP if negative else RDN)
            return sign | self.infinity - toward_zero, OF | NX
        return sign | biased << self.fraction | (n & ((1 << self.fraction) - 1)), flags

    def zero(self, negative):
        return self.sign if negative else 0


def round_integer(x, mode, negative):
    """A fraction of a magnitude, and whether it was an integer already."""
    n = x.numerator // x.denominator
    rest = x - n
    half = Fraction(1, 2)
    up = {RNE: rest > half or rest == half and n & 1, RTZ: False,
          RDN: negative and rest > 0, RUP: not negative and rest > 0, RMM: rest >= half}[mode]
    return n + bool(up), rest == 0


F32 = Format(32, 24)
F64 = Format(64, 53)


def invalid(f, *operands):
    return NV if any(f.is_signalling(x) for x in operands) else 0


def add(f, a, b, mode):
    if f.is_nan(a) or f.is_nan(b):
        return f.nan, invalid(f, a, b)
    if f.is_infinite(a) or f.is_infinite(b):
        if f.is_infinite(a) and f.is_infinite(b) and a != b:
            return f.nan, NV
        return (a if f.is_infinite(a) else b), 0
    total = f.value(a) + f.value(b)
    if total == 0:
        same = f.negative(a) == f.negative(b)
        return f.zero(f.negative(a) if same else mode == RDN), 0
    return f.round(total, mode)


def multiply(f, a, b, mode):
    if f.is_nan(a) or f.is_nan(b):
        return f.nan, invalid(f, a, b)
    negative = f.negative(a) != f.negative(b)
    if f.is_infinite(a) or f.is_infinite(b):
        if f.value(a) == 0 or f.value(b) == 0:
            return f.nan, NV
        return f.zero(negative) | f.infinity, 0
    product = f.value(a) * f.value(b)
    return f.round(product, mode) if product else (f.zero(negative), 0)


def fuse(f, a, b, c, mode):
    infinite = f.is_infinite(a) or f.is_infinite(b)
    if (f.is_infinite(a) and b & ~f.sign == 0) or (f.is_infinite(b) and a & ~f.sign == 0):
        return f.nan, NV
    if f.is_nan(a) or f.is_nan(b) or f.is_nan(c):
        return f.nan, invalid(f, a, b, c)
    negative = f.negative(a) != f.negative(b)
    if infinite:
        if f.is_infinite(c) and f.negative(c) != negative:
            return f.nan, NV
        return f.zero(negative) | f.infinity, 0
    if f.is_infinite(c):
        return c, 0
    total = f.value(a) * f.value(b) + f.value(c)
    if total == 0:
        same = negative == f.negative(c)
        return f.zero(negative if same else mode == RDN), 0
    return f.round(total, mode)


def divide_float(f, a, b, mode):
    if f.is_nan(a) or f.is_nan(b):
        return f.nan, invalid(f, a, b)
    negative = f.negative(a) != f.negative(b)
    if f.is_infinite(a):
        return (f.nan, NV) if f.is_infinite(b) else (f.zero(negative) | f.infinity, 0)
    if f.is_infinite(b):
        return f.zero(negative), 0
    if f.value(b) == 0:
        return (f.nan, NV) if f.value(a) == 0 else (f.zero(negative) | f.infinity, DZ)
    if f.value(a) == 0:
        return f.zero(negative), 0
    return f.round(f.value(a) / f.value(b), mode)


def root(f, a, mode):
    if f.is_nan(a):
        return f.nan, invalid(f, a)
    if a & ~f.sign == 0:
        return a, 0
    if f.negative(a):
        return f.nan, NV
    if f.is_infinite(a):
        return a, 0
    # Twice as many digits as any format has, and one more that says whether there are others.
    shift = 256 + 2 * f.bias
    scaled = f.value(a) * Fraction(2) ** (2 * shift)
    whole = math.isqrt(scaled.numerator // scaled.denominator)
    rest = whole * whole != scaled
    return f.round(Fraction(2 * whole + rest, 2) / Fraction(2) ** shift, mode)


def smallest(f, a, b, largest):
    flags = invalid(f, a, b)
    if f.is_nan(a):
        return (f.nan if f.is_nan(b) else b), flags
    if f.is_nan(b):
        return a, flags
    if order(f, a) == order(f, b):
        a_first = f.negative(a)
    else:
        a_first = order(f, a) < order(f, b)
    return (a if a_first != largest else b), flags


def order(f, x):
    if f.is_infinite(x):
        return -math.inf if f.negative(x) else math.inf
    return f.value(x)


def compare(f, a, b, relation):
    if f.is_nan(a) or f.is_nan(b):
        return 0, invalid(f, a, b) if relation == "eq" else NV
    x, y = order(f, a), order(f, b)
    return int({"eq": x == y, "lt": x < y, "le": x <= y}[relation]), 0


def classify(f, x):
    if f.is_nan(x):
        return 1 << (8 if f.is_signalling(x) else 9)
    exponent = x >> f.fraction & (2 * f.bias + 1)
    if f.is_infinite(x):
        kind = 0
    elif exponent:
        kind = 1
    else:
        kind = 2 if x & ~f.sign else 3
    return 1 << (kind if f.negative(x) else 7 - kind)


INTEGER_TYPES = {"w": (32, True), "wu": (32, False), "l": (64, True), "lu": (64, False)}


def to_integer(f, x, kind, mode):
    bits, is_signed = INTEGER_TYPES[kind]
    least = -(1 << (bits - 1)) if is_signed else 0
    most = (1 << (bits - is_signed)) - 1
    if f.is_nan(x):
        n, flags = most, NV
    elif f.is_infinite(x):
        n, flags = (least if f.negative(x) else most), NV
    else:
        n, exact = round_integer(abs(f.value(x)), mode, f.negative(x))
        n = -n if f.negative(x) else n
        flags = 0 if exact else NX
        if not least <= n <= most:
            n, flags = (least if n < least else most), NV
    return unsigned(signed(n, bits)), flags


def from_integer(f, n, kind, mode):
    bits, is_signed = INTEGER_TYPES[kind]
    n = signed(n, bits) if is_signed else unsigned(n, bits)
    return f.round(Fraction(n), mode) if n else (0, 0)


def convert(f, x, g, mode):
    if f.is_nan(x):
        return g.nan, invalid(f, x)
    if f.is_infinite(x):
        return g.zero(f.negative(x)) | g.infinity, 0
    if x & ~f.sign == 0:
        return g.zero(f.negative(x)), 0
    return g.round(f.value(x), mode)


def operands(f):
    """Values at every edge of a format, and some between."""
    chosen = random.Random(f.bits)
    one = f.bias << f.fraction
    values = [0, 1, (1 << f.fraction) - 1, 1 << f.fraction, one - 1, one, one + 1,
              one | 1 << (f.fraction - 1), one + (1 << f.fraction), f.infinity - 1, f.infinity,
              f.nan, f.infinity | 1, one + 0x123456]
    values += [v | f.sign for v in values]
    values += [chosen.getrandbits(f.bits) for _ in range(6)]
    return values


def boxed(f, x):
    return x if f is F64 else x | 0xffffffff00000000


def rows_of(f, cases):
    """(operands, mode, (result, flags)) to rows: a, b, c, result, flags, mode."""
    rows = []
    for case, mode, (result, flags) in cases:
        case = [boxed(f, x) for x in case] + [0] * (3 - len(case))
        rows.append((*case, result, flags, mode))
    return rows


def unboxed_rows(f, function, count):
    """Operands of binary32 that are not boxed are read as not a number."""
    if f is not F32:
        return []
    one = 0x3f800000
    rows = []
    for i in range(count):
        real = [one] * count
        real[i] = F32.nan
        stored = [boxed(F32, one)] * count
        stored[i] = one
        result, flags = function(*real)
        rows.append((*stored, *[0] * (3 - count), result, flags, RNE))
    return rows


def float_program(insn, count, rows, result, rounding):
    """`result` is "f" or "x": where the instruction's result goes."""
    sources = ", ".join(["fa1", "fa2", "fa3"][:count])
    body = f"""	fld fa1, 0(s0)
	fld fa2, 8(s0)
	fld fa3, 16(s0)
	ld a3, 24(s0)
	ld a4, 32(s0)
	ld a5, 40(s0)
	fsrm a5
	fsflags x0
	{insn} {"fa0" if result == "f" else "a0"}, {sources}{", dyn" if rounding else ""}
	frflags a6
	{"fmv.x.d a0, fa0" if result == "f" else ""}
	bne a0, a3, 9f
	bne a6, a4, 9f
	.subsection 1
9:	j fail
	.previous"""
    return loop(body, 6) + table(rows)


def integer_source_program(insn, rows):
    body = f"""	ld a1, 0(s0)
	ld a3, 8(s0)
	ld a4, 16(s0)
	ld a5, 24(s0)
	fsrm a5
	fsflags x0
	{insn}
	frflags a6
	fmv.x.d a0, fa0
	bne a0, a3, 9f
	bne a6, a4, 9f
	.subsection 1
9:	j fail
	.previous"""
    return loop(body, 4) + table(rows)


def in_f(f, pair):
    """A result in a floating-point register."""
    return boxed(f, pair[0]), pair[1]


def arithmetic(f, s):
    values = operands(f)
    neg = f.sign
    two = {
        "fadd": lambda a, b, m: add(f, a, b, m),
        "fsub": lambda a, b, m: add(f, a, b ^ neg if not f.is_nan(b) else b, m),
        "fmul": lambda a, b, m: multiply(f, a, b, m),
        "fdiv": lambda a, b, m: divide_float(f, a, b, m),
    }
    some = values[:14] + values[17:23] + values[28:]
    for name, function in two.items():
        cases = [((a, b), m, in_f(f, function(a, b, m)))
                 for a in some for b in some for m in range(5)]
        rows = rows_of(f, cases) + unboxed_rows(
            f, lambda a, b, fn=function: in_f(f, fn(a, b, RNE)), 2)
        yield f"{name}.{s}", float_program(f"{name}.{s}", 2, rows, "f", True)
    cases = [((a,), m, in_f(f, root(f, a, m))) for a in values for m in range(5)]
    yield f"fsqrt.{s}", float_program(f"fsqrt.{s}", 1, rows_of(f, cases), "f", True)


def fused(f, s):
    chosen = random.Random(f.bits + 1)
    values = operands(f)
    one = f.bias << f.fraction
    triples = [tuple(chosen.choice(values) for _ in range(3)) for _ in range(500)]
    # Sums that cancel to the last bit, which only one rounding gets right.
    for _ in range(100):
        a = one | chosen.getrandbits(f.fraction)
        b = one | chosen.getrandbits(f.fraction)
        c = multiply(f, a, b, RNE)[0] ^ f.sign
        triples.append((a, b, c))
    signs = {"fmadd": (0, 0), "fmsub": (0, f.sign), "fnmsub": (f.sign, 0),
             "fnmadd": (f.sign, f.sign)}
    for name, (product, addend) in signs.items():
        cases = [((a, b, c), m,
                  in_f(f, fuse(f, a if f.is_nan(a) else a ^ product, b,
                               c if f.is_nan(c) else c ^ addend, m)))
                 for a, b, c in triples for m in (chosen.randrange(5), RNE)]
        yield f"{name}.{s}", float_program(f"{name}.{s}", 3, rows_of(f, cases), "f", True)


def signs_and_order(f, s):
    values = operands(f)
    rest = f.sign - 1
    moves = {
        "fsgnj": lambda a, b: (a & rest | b & f.sign, 0),
        "fsgnjn": lambda a, b: (a & rest | ~b & f.sign, 0),
        "fsgnjx": lambda a, b: (a ^ b & f.sign, 0),
        "fmin": lambda a, b: smallest(f, a, b, False),
        "fmax": lambda a, b: smallest(f, a, b, True),
    }
    for name, function in moves.items():
        cases = [((a, b), RNE, in_f(f, function(a, b))) for a in values for b in values]
        rows = rows_of(f, cases) + unboxed_rows(
            f, lambda a, b, fn=function: in_f(f, fn(a, b)), 2)
        yield f"{name}.{s}", float_program(f"{name}.{s}", 2, rows, "f", False)
    for relation in ("eq", "lt", "le"):
        cases = [((a, b), RNE, compare(f, a, b, relation)) for a in values for b in values]
        rows = rows_of(f, cases) + unboxed_rows(
            f, lambda a, b, r=relation: compare(f, a, b, r), 2)
        yield f"f{relation}.{s}", float_program(f"f{relation}.{s}", 2, rows, "x", False)
    cases = [((a,), RNE, (classify(f, a), 0)) for a in values]
    rows = rows_of(f, cases) + unboxed_rows(f, lambda a: (classify(f, a), 0), 1)
    yield f"fclass.{s}", float_program(f"fclass.{s}", 1, rows, "x", False)


def edges_of_integers(f):
    """Floats at, just below and just above the ends of the integer types, and fractions."""
    chosen = []
    for edge in (0, 1, 2, 1 << 31, 1 << 32, 1 << 63, 1 << 64, 12345678):
        for offset in (Fraction(-1), Fraction(-3, 4), Fraction(-1, 2), Fraction(-1, 4), 0,
                       Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), Fraction(1)):
            for sign in (1, -1):
                x = sign * (edge + offset)
                if x:
                    chosen.append(f.round(x, RNE)[0])
        if edge:
            nearest = f.round(Fraction(edge), RNE)[0]
            chosen += [nearest - 1, nearest + 1, (nearest - 1) | f.sign, (nearest + 1) | f.sign]
    return chosen


def conversions(f, s):
    values = operands(f) + edges_of_integers(f)
    for kind in INTEGER_TYPES:
        cases = [((a,), m, to_integer(f, a, kind, m)) for a in values for m in range(5)]
        rows = rows_of(f, cases) + unboxed_rows(
            f, lambda a, k=kind: to_integer(f, a, k, RNE), 1)
        yield f"fcvt.{kind}.{s}", float_program(f"fcvt.{kind}.{s}", 1, rows, "x", True)
        rows = []
        for n in INTEGERS + [(1 << k) + d for k in (24, 25, 53, 54, 62) for d in (-1, 1, 3)]:
            for mode in range(5):
                rows.append((n, *in_f(f, from_integer(f, n, kind, mode)), mode))
        # Some of these are always exact and take no rounding mode in assembly.
        exact = s == "d" and kind in ("w", "wu")
        yield f"fcvt.{s}.{kind}", integer_source_program(
            f"fcvt.{s}.{kind} fa0, a1" + ("" if exact else ", dyn"), rows)


def between_formats():
    chosen = random.Random(7)
    doubles = operands(F64) + edges_of_integers(F64)
    for x in operands(F32):
        wide = convert(F32, x, F64, RNE)[0]
        doubles += [wide, wide ^ 1, unsigned(wide - 1), wide ^ 1 << 28, wide ^ 1 << 29]
    doubles += [F64.round(Fraction(chosen.getrandbits(53)) * Fraction(2) ** -e, RNE)[0]
                for e in (170, 178, 180, 195, 200, 202, 203) for _ in range(4)]
    cases = [((a,), m, in_f(F32, convert(F64, a, F32, m))) for a in doubles for m in range(5)]
    yield "fcvt.s.d", float_program("fcvt.s.d", 1, rows_of(F64, cases), "f", True)
    cases = [((a,), RNE, convert(F32, a, F64, RNE)) for a in operands(F32)]
    rows = rows_of(F32, cases) + unboxed_rows(F32, lambda a: convert(F32, a, F64, RNE), 1)
    yield "fcvt.d.s", float_program("fcvt.d.s", 1, rows, "f", False)


def programs():
    for name, function in REGISTER.items():
        yield f"rv64ui-{name}", register_program(name, function)
    for name, function in IMMEDIATE.items():
        yield f"rv64ui-{name}", immediate_program(name, function, IMMEDIATES)
    for name, function in SHIFT.items():
        amounts = [0, 1, 7, 31] + ([] if name.endswith("w") else [32, 63])
        yield f"rv64ui-{name}", immediate_program(name, function, amounts)
    for name, function in MULTIPLY.items():
        yield f"rv64um-{name}", register_program(name, function)
    for name, function in ATOMIC.items():
        for bits, suffix in ((32, "w"), (64, "d")):
            yield f"rv64ua-{name}_{suffix}", atomic_program(name, function, bits)
    for f, s, letter in ((F32, "s", "f"), (F64, "d", "d")):
        for part in (arithmetic, fused, signs_and_order, conversions):
            for name, text in part(f, s):
                yield f"rv64u{letter}-{name.replace('.', '_')}", text
    for name, text in between_formats():
        yield f"rv64ud-{name.replace('.', '_')}", text


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: generate.py FOLDER")
    for name, text in programs():
        with open(os.path.join(sys.argv[1], name + ".S"), "w", encoding="ascii") as file:
            file.write(HEADER.format(name=name) + text)


if __name__ == "__main__":
    main()
