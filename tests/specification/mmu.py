# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""The walk of mmu.rst as a program.

memory(address, system) gives the 64-bit word at an address of device or system memory,
or None if no memory answers.
"""

UNMAPPED, PERMISSION, TABLE, BUS = 0x10, 0x11, 0x12, 0x13
VALID, READ, WRITE, EXEC, SYSTEM, SUPERVISOR, CONTIG64K = (1 << i for i in range(7))
ADDRESS = 0x000ffffffffff000
DEFINED = ADDRESS | 0x7f


class Fault(Exception):
    """(code, level)"""


def is_leaf(entry):
    return entry & (READ | WRITE | EXEC)


def translate(root, va, access, supervisor, memory):
    """(address, whether in system memory); access is READ, WRITE or EXEC."""
    if va < 1 << 32 or va >= 1 << 48:
        raise Fault(UNMAPPED, 3)
    entry = root
    if not entry & VALID:
        raise Fault(UNMAPPED, 3)
    if entry & ~DEFINED or is_leaf(entry) or entry & (SUPERVISOR | CONTIG64K):
        raise Fault(TABLE, 3)
    for level in (3, 2, 1, 0):
        address = (entry & ADDRESS) + 8 * (va >> (12 + 9 * level) & 511)
        entry = memory(address, bool(entry & SYSTEM))
        if entry is None:
            raise Fault(TABLE, level)
        if not entry & VALID:
            raise Fault(UNMAPPED, level)
        if entry & ~DEFINED:
            raise Fault(TABLE, level)
        if is_leaf(entry):
            if level > 1 or (level == 1 and (entry & CONTIG64K or entry & ADDRESS & 0x1ff000)):
                raise Fault(TABLE, level)
            break
        if level == 0 or entry & (SUPERVISOR | CONTIG64K):
            raise Fault(TABLE, level)
    if not entry & access or (entry & SUPERVISOR and not supervisor):
        raise Fault(PERMISSION, level)
    size = 4096 << (9 * level)
    return (entry & ADDRESS) + (va & (size - 1)), bool(entry & SYSTEM)
