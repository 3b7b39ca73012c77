# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""tile.rst as a program: slow, direct, and made from that page alone.

An operation gets its descriptor as a namespace of numbers (signed fields signed) and
works on a bytearray, the scratchpad, whose first byte has the address LOCAL.
"""

import itertools
import math

import functions
from binary32 import (BITS, E8M0, FLOATS, NAN, S4, S8, S32, F32, U64, UNSIGNED, clamp, decode,
                      divide, encode_f32, encode_float, encode_integer, fma, from_bits,
                      integer_to_f32, maximum, minimum, rn)

LOCAL = 0x00100000
BLOCK = 32
WORD = (1 << 64) - 1


class TableFault(Exception):
    """An entry of an index table is out of range; holds the entry's bits."""


class Memory:
    """The scratchpad."""

    def __init__(self, data):
        self.data = data

    def bits(self, address, size):
        return int.from_bytes(self.data[address - LOCAL:address - LOCAL + size], "little")

    def put_bits(self, address, size, value):
        self.data[address - LOCAL:address - LOCAL + size] = value.to_bytes(size, "little")

    def get(self, kind, base, stride, i):
        """Bits of element i of a run along dimension 0."""
        if BITS[kind] == 4:
            return self.bits(base + i // 2 * stride, 1) >> (4 if i & 1 else 0) & 15
        return self.bits(base + i * stride, BITS[kind] // 8)

    def put(self, kind, base, stride, i, value):
        if BITS[kind] == 4:
            address = base + i // 2 * stride
            shift = 4 if i & 1 else 0
            old = self.bits(address, 1)
            self.put_bits(address, 1, old & ~(15 << shift) | value << shift)
        else:
            self.put_bits(base + i * stride, BITS[kind] // 8, value)

    def f32(self, address):
        return from_bits(self.bits(address, 4))


def wrap(value, bits):
    """Two's complement."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


# -- matrix multiply ---------------------------------------------------------------

A_TRANS, B_TRANS, ACC, SCALE_IMM, SCALE_N, SCALE_M = (1 << i for i in range(6))
BIAS_ACC, BIAS_OUT, BIAS_M, A_BLOCK, B_BLOCK, A_SPLIT, B_SPLIT = (1 << i for i in range(6, 13))


class Operand:
    """A or B: element (line, x) with line along m or n and x along k."""

    def __init__(self, memory, d, side):
        self.memory = memory
        for name in ("type", "pitch", "batch", "zero", "scale", "scale_pitch", "block",
                     "scale_step", "scale_type"):
            setattr(self, name, getattr(d, f"{side}_{name}"))
        self.base = getattr(d, side)
        first = side == "a"
        self.blocks = bool(d.flags & (A_BLOCK if first else B_BLOCK))
        self.split = bool(d.flags & (A_SPLIT if first else B_SPLIT))
        # Whether a stored row is a line.
        self.by_line = first != bool(d.flags & (A_TRANS if first else B_TRANS))
        if self.type == S8 and self.zero > 127:
            self.zero -= 256

    def element(self, batch, line, x):
        base = self.base + batch * self.batch
        size = max(BITS[self.type] // 8, 1)
        if self.blocks:
            row = base + line * self.pitch + x // BLOCK * self.block
            j = x % BLOCK
            if self.split:
                return (self.memory.bits(row + j % 16, 1) >> (4 if j >= 16 else 0) & 15) - 8
            return decode(self.type, self.memory.get(self.type, row, size, j))
        row, column = (line, x) if self.by_line else (x, line)
        raw = self.memory.get(self.type, base + row * self.pitch, size, column)
        value = decode(self.type, raw)
        return value if self.type in FLOATS else value - self.zero

    def scale_of(self, batch, line, block):
        address = self.scale + batch * self.batch + line * self.scale_pitch + \
            block * self.scale_step
        return decode(self.scale_type,
                      self.memory.bits(address, BITS[self.scale_type] // 8))


def accumulate_blocks(a, b, batch, row, column, k, acc):
    for start in range(0, k, BLOCK):
        xs = range(start, min(start + BLOCK, k))
        if a.blocks and b.blocks:
            scale = rn(a.scale_of(batch, row, start // BLOCK) *
                       b.scale_of(batch, column, start // BLOCK))
        elif a.blocks:
            scale = a.scale_of(batch, row, start // BLOCK)
        else:
            scale = b.scale_of(batch, column, start // BLOCK)
        if a.type in FLOATS or b.type in FLOATS:
            product = 0.0
            for x in xs:
                product = fma(float(a.element(batch, row, x)),
                              float(b.element(batch, column, x)), product)
        else:
            product = float(sum(a.element(batch, row, x) * b.element(batch, column, x)
                                for x in xs))
        acc = fma(product, scale, acc)
    return acc


def matmul(memory, d):
    a, b = Operand(memory, d, "a"), Operand(memory, d, "b")
    blocks = d.flags & (A_BLOCK | B_BLOCK)
    is_f32 = bool(blocks) or a.type in FLOATS
    for batch, row, column in itertools.product(range(d.batch), range(d.m), range(d.n)):
        acc = 0.0 if is_f32 else 0
        if d.flags & ACC:
            raw = memory.bits(d.acc + batch * d.acc_batch + row * d.acc_pitch + column * 4, 4)
            acc = from_bits(raw) if is_f32 else wrap(raw, 32)
        if blocks:
            acc = accumulate_blocks(a, b, batch, row, column, d.k, acc)
        elif is_f32:
            for x in range(d.k):
                acc = fma(a.element(batch, row, x), b.element(batch, column, x), acc)
        else:
            acc = wrap(acc + sum(a.element(batch, row, x) * b.element(batch, column, x)
                                 for x in range(d.k)), 32)
        raw = finish(memory, d, acc, is_f32, batch, row, column)
        size = BITS[d.out_type] // 8
        memory.put_bits(d.out + batch * d.out_batch + row * d.out_pitch + column * size, size, raw)


STEP_ADD, STEP_SUB, STEP_MUL, STEP_MIN, STEP_MAX, STEP_ACT = range(6)
STEP_CONST, STEP_N, STEP_M, STEP_MATRIX = range(1, 5)


def step_operand(memory, step, batch, row, column):
    if step.operand == STEP_CONST:
        return from_bits(step.value)
    if step.operand == STEP_MATRIX:
        size = BITS[step.type] // 8
        raw = memory.bits(step.value + batch * step.batch + row * step.pitch + column * size, size)
        value = decode(step.type, raw)
        return value if step.type in FLOATS else integer_to_f32(value)
    return memory.f32(step.value + 4 * (column if step.operand == STEP_N else row))


def do_step(memory, step, v, batch, row, column):
    if step.op == STEP_ACT:
        return functions.activation(step.act, v, from_bits(step.value), from_bits(step.pitch))
    x = step_operand(memory, step, batch, row, column)
    return {STEP_ADD: lambda: rn(v + x), STEP_SUB: lambda: rn(v - x), STEP_MUL: lambda: rn(v * x),
            STEP_MIN: lambda: minimum(v, x), STEP_MAX: lambda: maximum(v, x)}[step.op]()


def finish(memory, d, v, is_f32, batch, row, column):
    bias = row if d.flags & BIAS_M else column
    if d.flags & BIAS_ACC:
        raw = memory.bits(d.bias + 4 * bias, 4)
        v = rn(v + from_bits(raw)) if is_f32 else wrap(v + raw, 32)
    scaled = d.flags & (SCALE_IMM | SCALE_N | SCALE_M)
    if not is_f32 and (scaled or d.flags & BIAS_OUT or d.act or d.step or
                       d.out_type in FLOATS):
        v, is_f32 = integer_to_f32(v), True
    if d.flags & SCALE_IMM:
        v = rn(v * from_bits(d.scale))
    elif scaled:
        v = rn(v * memory.f32(d.scale + 4 * (row if d.flags & SCALE_M else column)))
    if d.flags & BIAS_OUT:
        v = rn(v + memory.f32(d.bias + 4 * bias))
    v = functions.activation(d.act, v, from_bits(d.act_a), from_bits(d.act_b)) if is_f32 else v
    for step in d.step:
        v = do_step(memory, step, v, batch, row, column)
    if d.out_type in FLOATS:
        return encode_float(d.out_type, v)
    if is_f32:
        # To an integer without a limit: infinities are beyond every type and zero point.
        v = 0 if v != v else round(clamp(v, -2.0 ** 100, 2.0 ** 100))
    return encode_integer(d.out_type, v + d.out_zero, True)


# -- map -------------------------------------------------------------------------------

B_IMM, C_IMM, SATURATE, ROUND_EVEN, GATHER, SCATTER, A_IMM = (1 << i for i in range(7))
# Operations that compute in F32 whatever the operands are.
FLOAT_OPS = set(range(0x06, 0x0c)) | set(range(0x10, 0x1e)) | {0x1f, 0x20, 0x45}
COPY = 0x00


def truncate_divide(a, b):
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def map_integer(op, a, b, c, kind, unsigned):
    """In 64 bits; operands have their signs."""
    def divide_integers():
        return -1 if b == 0 else truncate_divide(a, b)

    def remainder():
        return a if b == 0 else a - b * truncate_divide(a, b)

    def shift_right():
        return a >> (b & 63) if kind not in UNSIGNED else (a & WORD) >> (b & 63)

    results = {
        0x00: lambda: a, 0x01: lambda: -a, 0x02: lambda: abs(a),
        0x03: lambda: (a > 0) - (a < 0), 0x04: lambda: a == 0, 0x05: lambda: ~a,
        0x1e: lambda: max(a, 0),
        0x40: lambda: a + b, 0x41: lambda: a - b, 0x42: lambda: a * b,
        0x43: divide_integers, 0x44: remainder,
        0x46: lambda: min(a, b), 0x47: lambda: max(a, b),
        0x48: lambda: a & b, 0x49: lambda: a | b, 0x4a: lambda: a ^ b,
        0x4b: lambda: a << (b & 63), 0x4c: shift_right,
        0x50: lambda: a == b, 0x51: lambda: a != b, 0x52: lambda: a < b,
        0x53: lambda: a <= b, 0x54: lambda: a > b, 0x55: lambda: a >= b,
        0x60: lambda: b if a else c, 0x61: lambda: a * b + c,
        0x62: lambda: min(max(a, b), c),
    }
    result = int(results[op]())
    return result & WORD if unsigned else wrap(result, 64)


def remainder_f32(a, b):
    if a != a or b != b or math.isinf(a) or b == 0:
        return NAN
    return math.fmod(a, b)


def round_to_integer(a, how):
    if a != a or math.isinf(a):
        return a
    return math.copysign(float(how(a)), a)


def map_f32(op, a, b, c, param):
    if op in functions.UNARY:
        return functions.unary(op, a, param)
    results = {
        0x00: lambda: a, 0x01: lambda: -a, 0x02: lambda: abs(a),
        0x03: lambda: a if a != a else float((a > 0) - (a < 0)), 0x04: lambda: a == 0,
        0x06: lambda: round_to_integer(a, math.floor),
        0x07: lambda: round_to_integer(a, math.ceil),
        0x08: lambda: round_to_integer(a, round), 0x09: lambda: round_to_integer(a, math.trunc),
        0x0a: lambda: a != a, 0x0b: lambda: math.isinf(a),
        0x40: lambda: rn(a + b), 0x41: lambda: rn(a - b), 0x42: lambda: rn(a * b),
        0x43: lambda: divide(a, b), 0x44: lambda: remainder_f32(a, b),
        0x45: lambda: functions.power(a, b),
        0x46: lambda: minimum(a, b), 0x47: lambda: maximum(a, b),
        0x50: lambda: a == b, 0x51: lambda: a != b, 0x52: lambda: a < b,
        0x53: lambda: a <= b, 0x54: lambda: a > b, 0x55: lambda: a >= b,
        0x60: lambda: b if a != 0 else c, 0x61: lambda: fma(a, b, c),
        0x62: lambda: minimum(maximum(a, b), c),
    }
    return float(results[op]())


def check_table(memory, d, count):
    for i in range(count):
        entry = memory.bits(d.index + 4 * i, 4)
        if entry >= d.index_limit:
            raise TableFault(entry)


def map_block(memory, d):
    kinds = [kind for kind in (d.a_type, d.b_type, d.c_type) if kind]
    is_f32 = d.op in FLOAT_OPS or any(kind in FLOATS for kind in kinds)
    unsigned = U64 in kinds
    keep_bits = d.op == COPY and d.a_type == d.out_type
    indexed = d.flags & (GATHER | SCATTER)
    if indexed:
        check_table(memory, d, d.dims[d.index_dim])

    def raw_of(base, stride, kind, i):
        outer = base + sum(n * s for n, s in zip(i[1:], stride[1:]))
        return memory.get(kind, outer, stride[0], i[0])

    def value_of(kind, raw):
        value = decode(kind, raw)
        if not is_f32:
            return value & WORD if unsigned else value
        return value if kind in FLOATS else integer_to_f32(value)

    def operand(name, immediate, i):
        kind = getattr(d, name + "_type")
        if not kind:
            return None
        if d.flags & immediate:
            return value_of(kind, getattr(d, name))
        return value_of(kind, raw_of(getattr(d, name), getattr(d, name + "_stride"), kind, i))

    ranges = [range(count) for count in reversed(d.dims)]
    for reverse in itertools.product(*ranges):
        i = list(reversed(reverse))
        other = list(i)
        if indexed:
            other[d.index_dim] = memory.bits(d.index + 4 * i[d.index_dim], 4)
        raw = d.a if d.flags & A_IMM else \
            raw_of(d.a, d.a_stride, d.a_type, other if d.flags & GATHER else i)
        if not keep_bits:
            a = value_of(d.a_type, raw)
            b, c = operand("b", B_IMM, i), operand("c", C_IMM, i)
            if is_f32:
                raw = encode_f32(d.out_type, map_f32(d.op, a, b, c, from_bits(d.param)),
                                 d.flags & SATURATE, d.flags & ROUND_EVEN)
            else:
                raw = encode_integer(d.out_type, map_integer(d.op, a, b, c, d.a_type, unsigned),
                                     d.flags & SATURATE)
        to = other if d.flags & SCATTER else i
        outer = d.out + sum(n * s for n, s in zip(to[1:], d.out_stride[1:]))
        memory.put(d.out_type, outer, d.out_stride[0], to[0], raw)


# -- reduce ---------------------------------------------------------------------------------

REDUCE_ACC, LAST, SCAN = 1, 2, 4
SUM, MAX, MIN, ARGMAX, ARGMIN, SUMSQ, SUMABS, PROD = range(8)


def partial_results(op, values):
    p = [1.0 if op == PROD else 0.0] * 32
    for j, x in enumerate(values):
        i = j % 32
        if op == SUM:
            p[i] = rn(p[i] + x)
        elif op == SUMABS:
            p[i] = rn(p[i] + abs(x))
        elif op == SUMSQ:
            p[i] = fma(x, x, p[i])
        else:
            p[i] = rn(p[i] * x)
    for h in (16, 8, 4, 2, 1):
        for i in range(h):
            p[i] = rn(p[i] * p[i + h]) if op == PROD else rn(p[i] + p[i + h])
    return p[0]


def position(op, values, last):
    """ARGMAX, ARGMIN"""
    found = [j for j, x in enumerate(values) if x != x]
    if not found:
        best = max(values) if op == ARGMAX else min(values)
        found = [j for j, x in enumerate(values) if x == best]
    return found[-1] if last else found[0]


def reduce_f32(op, values):
    if op in (MAX, MIN):
        result = values[0] if values[0] == values[0] else NAN
        for x in values[1:]:
            result = maximum(result, x) if op == MAX else minimum(result, x)
        return result
    return partial_results(op, values)


def reduce_integer(op, values):
    if op in (MAX, MIN):
        return max(values) if op == MAX else min(values)
    if op == PROD:
        return math.prod(values)
    return sum({SUM: lambda x: x, SUMABS: abs, SUMSQ: lambda x: x * x}[op](x) for x in values)


def combine(op, old, new, is_f32):
    if op in (MAX, MIN):
        if is_f32:
            return maximum(old, new) if op == MAX else minimum(old, new)
        return max(old, new) if op == MAX else min(old, new)
    result = old * new if op == PROD else old + new
    return rn(result) if is_f32 else result


def reduce_block(memory, d):
    is_f32 = d.in_type in FLOATS
    unsigned = d.in_type == U64

    def address(base, stride, i, first):
        return base + sum(n * s for n, s in zip(i[first:], stride[first:]))

    def integer(value):
        return value & WORD if unsigned else wrap(value, 64)

    def store(i, result):
        if is_f32 and not isinstance(result, int):
            raw = encode_f32(d.out_type, result, True, True)
        else:
            raw = encode_integer(d.out_type, result, True)
        memory.put(d.out_type, address(d.out, d.out_stride, i, 1), d.out_stride[0], i[0], raw)

    inner = [range(count) for count in reversed(d.dims[:d.reduced])]
    outer = [range(count) for count in reversed(d.dims[d.reduced:])]
    for reverse in itertools.product(*outer):
        kept = list(reversed(reverse))
        values = []
        for element in itertools.product(*inner):
            i = list(reversed(element)) + kept
            value = decode(d.in_type, memory.get(d.in_type, address(getattr(d, "in"), d.in_stride,
                                                                    i, 1), d.in_stride[0], i[0]))
            values.append(value if is_f32 else integer(value))
        at = [0] * d.reduced + kept
        if d.flags & SCAN:
            total = 0.0 if is_f32 else 0
            for j, x in enumerate(values):
                total = rn(total + x) if is_f32 else integer(total + x)
                store([j] + kept, total)
        elif d.op in (ARGMAX, ARGMIN):
            store(at, position(d.op, values, d.flags & LAST))
        else:
            result = reduce_f32(d.op, values) if is_f32 else integer(reduce_integer(d.op, values))
            if d.flags & REDUCE_ACC:
                old = decode(d.out_type, memory.get(d.out_type, address(d.out, d.out_stride, at, 1),
                                                    d.out_stride[0], at[0]))
                result = combine(d.op, old if is_f32 else integer(old), result, is_f32)
                result = result if is_f32 else integer(result)
            store(at, result)


# -- quantise ---------------------------------------------------------------------------------

DEQUANT, SPLIT = 1, 2


def encode_scale(kind, d):
    if kind != E8M0:
        return encode_float(kind, d)
    if d != d or math.isinf(d):
        return 255
    code = 0
    while math.ldexp(1.0, code - 127) < d:
        code += 1
    return code


def put_quant(memory, d, block, j, value):
    if d.flags & SPLIT:
        memory.put(S4, block + j % 16, 1, j // 16, value + 8)
    else:
        memory.put(d.block_type, block, 1, j, value & ((1 << BITS[d.block_type]) - 1))


def get_quant(memory, d, block, j):
    if d.flags & SPLIT:
        return memory.get(S4, block + j % 16, 1, j // 16) - 8
    return decode(d.block_type, memory.get(d.block_type, block, 1, j))


def quant(memory, d):
    size = BITS[d.plain_type] // 8
    scale_size = BITS[d.scale_type] // 8
    most = 7 if d.block_type == S4 else 127
    for row, number in itertools.product(range(d.rows), range(d.cols // BLOCK)):
        plain = d.plain + row * d.plain_pitch + number * BLOCK * size
        block = d.block + row * d.block_pitch + number * d.block_step
        scale = d.scale + row * d.scale_pitch + number * d.scale_step
        if d.flags & DEQUANT:
            s = decode(d.scale_type, memory.bits(scale, scale_size))
            for j in range(BLOCK):
                x = rn(get_quant(memory, d, block, j) * s)
                memory.put_bits(plain + j * size, size, encode_float(d.plain_type, x))
            continue
        values = [decode(d.plain_type, memory.bits(plain + j * size, size)) for j in range(BLOCK)]
        amax = 0.0
        for x in values:
            amax = maximum(amax, abs(x))
        raw = encode_scale(d.scale_type, rn(amax / most) if not math.isinf(amax) else amax)
        s = decode(d.scale_type, raw)
        memory.put_bits(scale, scale_size, raw)
        for j, x in enumerate(values):
            q = NAN if s == 0 else divide(x, s) if not (math.isinf(x) and math.isinf(s)) else NAN
            put_quant(memory, d, block, j, 0 if q != q else round(clamp(q, -most, most)))
