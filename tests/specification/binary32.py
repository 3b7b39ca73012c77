# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""Numbers of the tile engine, as tile.rst defines them ("Data types").

An F32 is a Python float that holds exactly that number. Sums, products, quotients and
square roots of two F32 are the same rounded once to binary32 or first to binary64,
since 53 >= 2 * 24 + 2; only fma() needs care.
"""

import math
import struct

NAN = math.nan
INFINITY = math.inf

NONE, S8, U8, S16, U16, S32, U32, S64, U64, F16, BF16, F32, S4, U4, E8M0 = range(15)
FLOATS = (F16, BF16, F32)
INTEGERS = (S8, U8, S16, U16, S32, U32, S64, U64, S4, U4)
ELEMENTS = INTEGERS + FLOATS
BITS = {S8: 8, U8: 8, S16: 16, U16: 16, S32: 32, U32: 32, S64: 64, U64: 64, F16: 16,
        BF16: 16, F32: 32, S4: 4, U4: 4, E8M0: 8}
UNSIGNED = (U8, U16, U32, U64, U4)


def to_bits(value):
    """The bits of an F32; NaN is canonical."""
    if value != value:
        return 0x7fc00000
    try:
        return struct.unpack("<I", struct.pack("<f", value))[0]
    except OverflowError:
        return 0x7f800000 if value > 0 else 0xff800000


def from_bits(bits):
    return struct.unpack("<f", struct.pack("<I", bits))[0]


def rn(value):
    """A binary64 number, rounded to F32."""
    return from_bits(to_bits(value))


def fma(a, b, c):
    """a * b + c with one rounding."""
    product = a * b  # exact: 48 bits, and no exponent that binary64 does not have
    total = product + c
    if math.isinf(total) or total != total or total == 0:
        return rn(total)
    # Round to odd where the sum was not exact: then the second rounding is harmless.
    back = total - product
    error = (product - (total - back)) + (c - back)
    if error:
        bits = struct.unpack("<q", struct.pack("<d", total))[0]
        if not bits & 1:
            bits += 1 if (error > 0) == (total > 0) else -1
            total = struct.unpack("<d", struct.pack("<q", bits))[0]
    return rn(total)


def divide(a, b):
    if b == 0:
        if a == 0 or a != a:
            return NAN
        return math.copysign(INFINITY, a) * math.copysign(1.0, b)
    return rn(a / b)


def square_root(a):
    return NAN if a < 0 else rn(math.sqrt(a))


def maximum(a, b):
    if a != a or b != b:
        return NAN
    if a == b:
        return a if math.copysign(1, a) > 0 else b
    return a if a > b else b


def minimum(a, b):
    if a != a or b != b:
        return NAN
    if a == b:
        return a if math.copysign(1, a) < 0 else b
    return a if a < b else b


# -- elements ------------------------------------------------------------------


def decode(kind, raw):
    """An element's bits, as an integer or an F32."""
    if kind == F32:
        return from_bits(raw)
    if kind == F16:
        return struct.unpack("<e", struct.pack("<H", raw))[0]
    if kind == BF16:
        return from_bits(raw << 16)
    if kind == E8M0:
        return NAN if raw == 255 else math.ldexp(1.0, raw - 127)
    if kind not in UNSIGNED and raw >> (BITS[kind] - 1):
        return raw - (1 << BITS[kind])
    return raw


def limits(kind):
    bits = BITS[kind]
    if kind in UNSIGNED:
        return 0, (1 << bits) - 1
    return -(1 << (bits - 1)), (1 << (bits - 1)) - 1


def clamp(value, low, high):
    return low if value < low else high if value > high else value


def encode_float(kind, value):
    """An F32 as the bits of a float type."""
    if kind == F32:
        return to_bits(value)
    if value != value:
        return 0x7e00 if kind == F16 else 0x7fc0
    if kind == F16:
        try:
            return struct.unpack("<H", struct.pack("<e", value))[0]
        except OverflowError:
            return 0x7c00 if value > 0 else 0xfc00
    bits = to_bits(value)
    return (bits + 0x7fff + (bits >> 16 & 1)) >> 16


def to_integer(value, even):
    """An F32 as an integer from -2^63 to 2^64 - 1."""
    if value != value:
        return 0
    if math.isinf(value):
        return (1 << 64) - 1 if value > 0 else -(1 << 63)
    return clamp(round(value) if even else math.trunc(value), -(1 << 63), (1 << 64) - 1)


def encode_f32(kind, value, saturate, even):
    """An F32 as the bits of any element type."""
    if kind in FLOATS:
        return encode_float(kind, value)
    number = to_integer(value, even)
    if saturate:
        number = clamp(number, *limits(kind))
    return number & ((1 << BITS[kind]) - 1)


def integer_to_f32(number):
    """Round an integer to F32 once."""
    magnitude = abs(number)
    excess = magnitude.bit_length() - 24
    if excess > 0:
        rest = magnitude & ((1 << excess) - 1)
        half = 1 << (excess - 1)
        magnitude >>= excess
        if rest > half or (rest == half and magnitude & 1):
            magnitude += 1
        magnitude <<= excess
    return float(magnitude if number >= 0 else -magnitude)


def encode_integer(kind, number, saturate):
    """A 64-bit integer (a Python integer with its sign) as the bits of any element type."""
    if kind in FLOATS:
        return encode_float(kind, integer_to_f32(number))
    if saturate:
        number = clamp(number, *limits(kind))
    return number & ((1 << BITS[kind]) - 1)
