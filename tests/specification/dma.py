# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""dma.rst as a program: slow, direct, and made from that page alone.

Memory is an object with read(address, size) and write(address, data), which raise
MemoryFault for the first byte that cannot be accessed.
"""

import itertools

from checks import END, FIELD, RANGE, RESERVED, WORD
from tile import LOCAL

STORE, INDEXED = 1, 2
NO_AXIS = 0xffffffff
ELEMENTS_MAX = 1 << 24
VA = (1 << 64) - 1
LOOP_SIZE, AXIS_SIZE, LOOPS, AXES = 24, 8, 32, 152	# where they lie in the descriptor


class MemoryFault(Exception):
    """(code, address)"""


def signed(value, bits=32):
    return value - (1 << bits) if value >> (bits - 1) else value


def transfer(scratch, memory, d):
    """scratch is a bytearray whose first byte is LOCAL."""
    fill = (d.fill.to_bytes(8, "little") * 2)[:d.element]
    used = [a for a in range(5) if any(loop.axis == a for loop in d.loop)]
    for reverse in itertools.product(*(range(loop.count) for loop in reversed(d.loop))):
        i = list(reversed(reverse))
        j = list(i)
        if d.flags & INDEXED:
            at = d.index - LOCAL + 4 * i[d.index_loop]
            j[d.index_loop] = signed(int.from_bytes(scratch[at:at + 4], "little"))
        address = d.__dict__["global"]
        local = d.local - LOCAL
        for n, loop in enumerate(d.loop):
            address += j[n] * loop.global_stride
            local += i[n] * loop.local_stride
        address &= VA
        exists = True
        for a in used:
            c = d.axis[a].start + sum(j[n] * loop.step for n, loop in enumerate(d.loop)
                                      if loop.axis == a)
            exists = exists and 0 <= c < d.axis[a].extent
        if not d.flags & STORE:
            scratch[local:local + d.element] = memory.read(address, d.element) if exists else fill
        elif exists:
            memory.write(address, scratch[local:local + d.element])


def check(d):
    """None, or (code, offset, value)."""
    indexed = d.flags & INDEXED
    reserved = [(0x0c, d.index if not indexed else 0), (0x18, d.flags & ~(STORE | INDEXED)),
                (0x1a, d.index_loop if not indexed else 0), (0x1b, d.reserved0),
                (0x1c, d.reserved1)]
    for offset, value in reserved:
        if value:
            return RESERVED, offset, 0
    fields = [(0x0c, d.index, d.index % 4 == 0), (0x19, d.element, d.element in (1, 2, 4, 8, 16)),
              (0x1a, d.index_loop, d.index_loop < 5)]
    for n, loop in enumerate(d.loop):
        fields += [(LOOPS + LOOP_SIZE * n, loop.count, loop.count),
                   (LOOPS + LOOP_SIZE * n + 20, loop.axis, loop.axis < 5 or loop.axis == NO_AXIS)]
    elements = 1
    for loop in d.loop:
        elements *= loop.count
    fields.append((LOOPS, d.loop[0].count, elements <= ELEMENTS_MAX))
    for offset, value, good in fields:
        if not good:
            return FIELD, offset, value & WORD
    low = sum(min((loop.count - 1) * loop.local_stride, 0) for loop in d.loop)
    high = sum(max((loop.count - 1) * loop.local_stride, 0) for loop in d.loop) + d.element
    ranges = [(0x08, d.local + low, d.local + high)]
    if indexed:
        ranges.append((0x0c, d.index, d.index + 4 * d.loop[d.index_loop].count))
    for offset, low, high in ranges:
        if low < LOCAL or low >= END:
            return RANGE, offset, low & WORD
        if high > END:
            return RANGE, offset, END
    return None
