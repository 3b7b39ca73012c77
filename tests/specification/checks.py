# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""The checks of descriptors in tile.rst ("Checks", "Contradictions") as a program.

check(kind, d) gives None for a good descriptor, otherwise (code, field, value): the
name of the field as "dims[0]", and the value that the fault record holds.
"""

import types

import tile
from binary32 import BITS, E8M0, ELEMENTS, FLOATS, NONE, F32, S4, S8, S16, S32, U4, U8

RESERVED, FIELD, RANGE, TYPE = 0x30, 0x31, 0x32, 0x33
TYPES = 15
ELEMENTS_MAX, MACS_MAX = 1 << 24, 1 << 32
END = 0x00200000
WORD = 0xffffffff
OUT_TYPES = (S8, U8, S16, S32) + FLOATS


class Bad(Exception):
    """A check has failed."""


def value_of(d, field):
    name, _, index = field.partition("[")
    value = getattr(d, name, 0)
    return value[int(index[:-1])] if isinstance(value, list) else value


def zero(d, *fields):
    for field in fields:
        if value_of(d, field):
            raise Bad(RESERVED, field, 0)


def flags(d, mask):
    if d.flags & ~mask:
        raise Bad(RESERVED, "flags", 0)


def need(d, field, condition):
    if not condition:
        raise Bad(FIELD, field, value_of(d, field) & WORD)


def inside(d, field, low, high):
    """Bytes low..high-1 of an operand, from its address."""
    inside_at(field, value_of(d, field), low, high)


def inside_at(field, address, low, high):
    low, high = low + address, high + address
    if low < tile.LOCAL or low >= END:
        raise Bad(RANGE, field, low & WORD)
    if high > END:
        raise Bad(RANGE, field, END)


def span(size, *loops):
    """A piece of `size` bytes, repeated by (count, stride): lowest byte, highest + 1."""
    low = sum(min((count - 1) * stride, 0) for count, stride in loops)
    high = sum(max((count - 1) * stride, 0) for count, stride in loops)
    return low, high + size


def run_bytes(kind, count):
    return (BITS[kind] * count + 7) // 8


def block_span(kind, dims, strides):
    counts = list(dims)
    if BITS[kind] == 4:
        counts[0] = (counts[0] + 1) // 2
    return span(max(BITS[kind] // 8, 1), *zip(counts, strides))


def product(numbers):
    result = 1
    for number in numbers:
        result *= number
    return result


# -- matrix multiply -------------------------------------------------------------------


def steps(d):
    """The steps behind the descriptor: none, if their number is too large. There are zeros behind them."""
    nothing = types.SimpleNamespace(op=0, operand=0, type=0, act=0, value=0, pitch=0, batch=0)
    return (d.step + 8 * [nothing])[:d.steps] if d.steps <= 8 else []


def matmul_reserved(d):
    scaled = d.flags & (tile.SCALE_IMM | tile.SCALE_N | tile.SCALE_M)
    biased = d.flags & (tile.BIAS_ACC | tile.BIAS_OUT)
    a_block, b_block = d.flags & tile.A_BLOCK, d.flags & tile.B_BLOCK
    if not d.flags & tile.ACC:
        zero(d, "acc", "acc_pitch", "acc_batch")
    flags(d, 0x1fff)
    if d.a_type not in (S8, U8) or a_block:
        zero(d, "a_zero")
    if d.b_type not in (S8, U8) or b_block:
        zero(d, "b_zero")
    if not scaled:
        zero(d, "scale")
    if not biased:
        zero(d, "bias")
    if d.act not in (2, 3, 9):
        zero(d, "act_a")
    if d.act not in (2, 9):
        zero(d, "act_b")
    if d.out_type in FLOATS:
        zero(d, "out_zero")
    for name in ("scale", "scale_pitch", "block", "scale_step", "scale_type"):
        if not a_block:
            zero(d, "a_" + name)
        if not b_block:
            zero(d, "b_" + name)
    zero(d, "reserved0", "reserved1[0]", "reserved1[1]")
    for i, step in enumerate(steps(d)):
        matrix = step.op != tile.STEP_ACT and step.operand == tile.STEP_MATRIX
        act = step.op == tile.STEP_ACT
        for name, used in (("type", matrix), ("act", act),
                           ("value", not act or step.act in (2, 3, 9)),
                           ("pitch", matrix or act and step.act in (2, 9)), ("batch", matrix)):
            if not used and getattr(step, name):
                raise Bad(RESERVED, f"step[{i}].{name}", 0)


def matmul_flags_agree(d):
    scales = d.flags & (tile.SCALE_IMM | tile.SCALE_N | tile.SCALE_M)
    biases = d.flags & (tile.BIAS_ACC | tile.BIAS_OUT)
    return not (scales & (scales - 1) or biases & (biases - 1) or
                (d.flags & tile.BIAS_M and not biases) or
                (d.flags & tile.A_BLOCK and d.flags & tile.A_TRANS) or
                (d.flags & tile.B_BLOCK and not d.flags & tile.B_TRANS) or
                (d.flags & tile.A_SPLIT and (not d.flags & tile.A_BLOCK or d.a_type != S4)) or
                (d.flags & tile.B_SPLIT and (not d.flags & tile.B_BLOCK or d.b_type != S4)))


def matmul_fields(d):
    for name in ("m", "n", "k", "batch"):
        need(d, name, getattr(d, name))
    for name in ("a_type", "b_type", "out_type"):
        need(d, name, getattr(d, name) < TYPES)
    need(d, "act", d.act < 11)
    need(d, "flags", matmul_flags_agree(d))
    if d.flags & tile.A_BLOCK:
        need(d, "a_scale_type", d.a_scale_type in FLOATS + (E8M0,))
    if d.flags & tile.B_BLOCK:
        need(d, "b_scale_type", d.b_scale_type in FLOATS + (E8M0,))
    need(d, "steps", d.steps <= 8)
    for i, step in enumerate(steps(d)):
        act = step.op == tile.STEP_ACT
        for name, good in (
                ("op", step.op < 6),
                ("operand", step.operand < 5 and act == (step.operand == 0)),
                ("type", act or step.operand != tile.STEP_MATRIX or step.type in OUT_TYPES),
                ("act", step.act < 11)):
            if not good:
                raise Bad(FIELD, f"step[{i}].{name}", getattr(step, name))


def matmul_types_agree(d):
    integers = (S8, U8, S4, U4)
    if d.out_type not in OUT_TYPES:
        return False
    a_block, b_block = d.flags & tile.A_BLOCK, d.flags & tile.B_BLOCK
    if a_block or b_block:
        return d.a_type in ((S8, S4) if a_block else integers + FLOATS) and \
            d.b_type in ((S8, S4) if b_block else integers + FLOATS)
    if d.a_type in FLOATS:
        return d.a_type == d.b_type
    return d.a_type in integers and d.b_type in integers


def matrix(d, side):
    trans = d.flags & (tile.A_TRANS if side == "a" else tile.B_TRANS)
    kind = getattr(d, side + "_type")
    lines = d.m if side == "a" else d.n
    rows, length = (lines, d.k) if (side == "a") != bool(trans) else (d.k, lines)
    size = run_bytes(kind, length)
    if d.flags & (tile.A_BLOCK if side == "a" else tile.B_BLOCK):
        split = d.flags & (tile.A_SPLIT if side == "a" else tile.B_SPLIT)
        size = 0
        blocks = -(-d.k // 32)
        for j in {0, max(blocks - 2, 0), blocks - 1}:
            count = min(32, d.k - 32 * j)
            used = min(count, 16) if split else run_bytes(kind, count)
            size = max(size, j * getattr(d, side + "_block") + used)
    inside(d, side, *span(size, (rows, getattr(d, side + "_pitch")),
                          (d.batch, getattr(d, side + "_batch"))))


def scales(d, side):
    if not d.flags & (tile.A_BLOCK if side == "a" else tile.B_BLOCK):
        return
    size = BITS[getattr(d, side + "_scale_type")] // 8
    inside(d, side + "_scale",
           *span(size, (-(-d.k // 32), getattr(d, side + "_scale_step")),
                 (d.m if side == "a" else d.n, getattr(d, side + "_scale_pitch")),
                 (d.batch, getattr(d, side + "_batch"))))


def check_matmul(d):
    matmul_reserved(d)
    matmul_fields(d)
    if not matmul_types_agree(d):
        raise Bad(TYPE, "a_type", d.out_type | d.a_type << 8 | d.b_type << 16)
    need(d, "m", d.m * d.n * d.k * d.batch <= MACS_MAX)
    matrix(d, "a")
    matrix(d, "b")
    if d.flags & tile.ACC:
        inside(d, "acc", *span(4 * d.n, (d.m, d.acc_pitch), (d.batch, d.acc_batch)))
    inside(d, "out", *span(run_bytes(d.out_type, d.n), (d.m, d.out_pitch),
                           (d.batch, d.out_batch)))
    if d.flags & (tile.SCALE_N | tile.SCALE_M):
        inside(d, "scale", 0, 4 * (d.n if d.flags & tile.SCALE_N else d.m))
    if d.flags & (tile.BIAS_ACC | tile.BIAS_OUT):
        inside(d, "bias", 0, 4 * (d.m if d.flags & tile.BIAS_M else d.n))
    scales(d, "a")
    scales(d, "b")
    for i, step in enumerate(steps(d)):
        if step.op == tile.STEP_ACT or step.operand == tile.STEP_CONST:
            continue
        size = 4 * (d.n if step.operand == tile.STEP_N else d.m)
        low, high = 0, size
        if step.operand == tile.STEP_MATRIX:
            low, high = span(run_bytes(step.type, d.n), (d.m, step.pitch), (d.batch, step.batch))
        inside_at(f"step[{i}].value", step.value, low, high)


# -- map ---------------------------------------------------------------------------------

OPERANDS = {**{op: 1 for op in [*range(0x00, 0x0c), *range(0x10, 0x21)]},
            **{op: 2 for op in [*range(0x40, 0x4d), *range(0x50, 0x56)]},
            **{op: 3 for op in (0x60, 0x61, 0x62)}}
BIT_OPS = (0x05, 0x48, 0x49, 0x4a, 0x4b, 0x4c)
INDEX = tile.GATHER | tile.SCATTER


def map_reserved(d):
    count = OPERANDS.get(d.op, 3)
    if count < 2:
        zero(d, "b_type")
    if count < 3:
        zero(d, "c_type")
    if not d.flags & INDEX:
        zero(d, "index_dim")
    flags(d, 0x7f)
    if count < 2:
        zero(d, "b")
    if count < 3:
        zero(d, "c")
    for name, least, immediate in (("a", 1, tile.A_IMM), ("b", 2, tile.B_IMM),
                                   ("c", 3, tile.C_IMM)):
        if count < least or d.flags & immediate:
            zero(d, *(f"{name}_stride[{n}]" for n in range(5)))
    if not d.flags & INDEX:
        zero(d, "index")
    if d.op in OPERANDS and d.op not in (0x1f, 0x20):
        zero(d, "param")
    if not d.flags & INDEX:
        zero(d, "index_limit")
    zero(d, "reserved[0]", "reserved[1]")


def map_fields(d):
    need(d, "op", d.op in OPERANDS)
    for name in ("out_type", "a_type", "b_type", "c_type"):
        need(d, name, getattr(d, name) < TYPES)
    need(d, "index_dim", d.index_dim < 5)
    need(d, "flags", not (d.flags & INDEX == INDEX or
                          (d.flags & tile.A_IMM and d.flags & tile.GATHER) or
                          (d.flags & tile.B_IMM and OPERANDS[d.op] < 2) or
                          (d.flags & tile.C_IMM and OPERANDS[d.op] < 3)))
    for n in range(5):
        need(d, f"dims[{n}]", d.dims[n])
    if d.flags & INDEX:
        need(d, "index", d.index % 4 == 0)
        need(d, "index_limit", 0 < d.index_limit < 1 << 31)


def map_types_agree(d):
    def fits(kind, immediate):
        if d.op in BIT_OPS and kind in FLOATS:
            return False
        return kind in (S32, F32) if immediate else kind in ELEMENTS

    return d.out_type in ELEMENTS and fits(d.a_type, d.flags & tile.A_IMM) and \
        (OPERANDS[d.op] < 2 or fits(d.b_type, d.flags & tile.B_IMM)) and \
        (OPERANDS[d.op] < 3 or fits(d.c_type, d.flags & tile.C_IMM))


def check_map(d):
    map_reserved(d)
    map_fields(d)
    if not map_types_agree(d):
        raise Bad(TYPE, "out_type", d.out_type | d.a_type << 8 | d.b_type << 16 | d.c_type << 24)
    need(d, "dims[0]", product(d.dims) <= ELEMENTS_MAX)
    for name, indexed, immediate in (("out", tile.SCATTER, 0), ("a", tile.GATHER, tile.A_IMM),
                                     ("b", 0, tile.B_IMM), ("c", 0, tile.C_IMM)):
        kind = getattr(d, name + "_type")
        if kind == NONE or d.flags & immediate:
            continue
        dims = list(d.dims)
        if d.flags & indexed:
            dims[d.index_dim] = d.index_limit
        inside(d, name, *block_span(kind, dims, getattr(d, name + "_stride")))
    if d.flags & INDEX:
        inside(d, "index", 0, 4 * d.dims[d.index_dim])


# -- reduce --------------------------------------------------------------------------------


def reduce_flags_agree(d):
    arg = d.op in (tile.ARGMAX, tile.ARGMIN)
    scan = d.flags & tile.SCAN
    return not ((d.flags & tile.LAST and not arg) or
                (scan and (d.op != tile.SUM or d.reduced != 1)) or
                (d.flags & tile.REDUCE_ACC and (arg or scan)))


def check_reduce(d):
    flags(d, 7)
    zero(d, "reserved0")
    if not d.flags & tile.SCAN:
        zero(d, *(f"out_stride[{n}]" for n in range(min(d.reduced, 5))))
    zero(d, "reserved1")
    need(d, "op", d.op < 8)
    need(d, "out_type", d.out_type < TYPES)
    need(d, "in_type", d.in_type < TYPES)
    need(d, "reduced", 1 <= d.reduced <= 5)
    need(d, "flags", reduce_flags_agree(d))
    for n in range(5):
        need(d, f"dims[{n}]", d.dims[n])
    if d.in_type not in ELEMENTS or d.out_type not in ELEMENTS or \
       (d.op in (tile.ARGMAX, tile.ARGMIN) and d.out_type in FLOATS) or \
       (d.flags & tile.REDUCE_ACC and (d.in_type in FLOATS) != (d.out_type in FLOATS)):
        raise Bad(TYPE, "out_type", d.out_type | d.in_type << 8)
    need(d, "dims[0]", product(d.dims) <= ELEMENTS_MAX)
    dims = list(d.dims)
    if not d.flags & tile.SCAN:
        dims[:d.reduced] = [1] * d.reduced
    inside(d, "out", *block_span(d.out_type, dims, d.out_stride))
    inside(d, "in", *block_span(d.in_type, d.dims, d.in_stride))


# -- quantise ---------------------------------------------------------------------------------


def check_quant(d):
    flags(d, 3)
    zero(d, *(f"reserved[{n}]" for n in range(6)))
    need(d, "flags", not d.flags & tile.SPLIT or d.block_type == S4)
    for name in ("plain_type", "block_type", "scale_type"):
        need(d, name, getattr(d, name) < TYPES)
    need(d, "rows", d.rows)
    need(d, "cols", d.cols and d.cols % 32 == 0)
    if d.plain_type not in FLOATS or d.block_type not in (S8, S4) or \
       d.scale_type not in FLOATS + (E8M0,):
        out, source = d.block_type, d.plain_type
        if d.flags & tile.DEQUANT:
            out, source = source, out
        raise Bad(TYPE, "plain_type", out | source << 8 | d.scale_type << 16)
    need(d, "rows", d.rows * d.cols <= ELEMENTS_MAX)
    blocks = d.cols // 32
    inside(d, "plain", *span(run_bytes(d.plain_type, d.cols), (d.rows, d.plain_pitch)))
    inside(d, "block", *span(run_bytes(d.block_type, 32), (blocks, d.block_step),
                             (d.rows, d.block_pitch)))
    inside(d, "scale", *span(BITS[d.scale_type] // 8, (blocks, d.scale_step),
                             (d.rows, d.scale_pitch)))


CHECKS = {"matmul": check_matmul, "map": check_map, "reduce": check_reduce,
          "quant": check_quant}


def check(kind, d):
    try:
        CHECKS[kind](d)
    except Bad as bad:
        return bad.args
    return None


def work(kind, d):
    """Steps that the operation takes; for tests that must not take long."""
    if kind == "matmul":
        return d.m * d.n * d.k * d.batch
    return d.rows * d.cols if kind == "quant" else product(d.dims)
