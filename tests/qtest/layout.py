# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""The chip's layouts, read from the headers in uapi/.

Tests say what a register is called, never where it is:

    from layout import egret

    card.readl(egret.BAR_REGS, egret.REG_ID)
    card.readq(egret.BAR_REGS, egret.REG_QUEUE(3, egret.Q_HEAD))
    egret.mask('FAULT_INFO_UNIT_MASK', value)        # the field in a value
    egret.pack('egret_pkt_fence', addr=va, value=1)  # bytes of a structure

The headers are parsed by what makes the specification's tables from them.
"""

import importlib.machinery
import importlib.util
import os
import re
import struct
import sys

sys.dont_write_bytecode = True
_TOOL = os.path.join(os.path.dirname(os.path.realpath(__file__)), '../../tools/build/gen-tables')
_FORMATS = {1: 'B', 2: 'H', 4: 'I', 8: 'Q'}


def _load_parser():
    loader = importlib.machinery.SourceFileLoader('gen_tables', _TOOL)
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader('gen_tables', loader))
    loader.exec_module(module)
    return module


class Layout:
    """Names without their EGRET_ are attributes: numbers, or functions for macros."""

    def __init__(self):
        parser = _load_parser()
        self._headers = parser.Headers(['uapi/egret/*.h'])

    def __getattr__(self, name):
        constant = self._headers.constants.get('EGRET_' + name)
        if constant is None:
            raise AttributeError(f'no header defines EGRET_{name}')
        if constant.parameters:
            parameters = [p.strip() for p in constant.parameters.strip('()').split(',')]

            def value(*arguments):
                text = constant.text
                for parameter, argument in zip(parameters, arguments, strict=True):
                    text = re.sub(rf'\b{parameter}\b', str(argument), text)
                return self._headers.evaluate(text)
        else:
            value = self._headers.evaluate(constant.text)
            if value is None:
                raise AttributeError(f'EGRET_{name} is no number')
        setattr(self, name, value)
        return value

    def mask(self, name, value):
        """The field of `value` that the mask EGRET_`name` selects."""
        mask = getattr(self, name)
        return (value & mask) // (mask & -mask)

    def field(self, name, value):
        """`value` put where the mask EGRET_`name` is."""
        mask = getattr(self, name)
        shifted = value * (mask & -mask)
        if shifted & ~mask:
            raise ValueError(f'{value:#x} does not fit EGRET_{name}')
        return shifted

    def _members(self, tag):
        """[(offset, element size, count, name)]; embedded structures are flattened."""
        rows = []
        for offset, size, member in self._headers.layout(tag)[2]:
            if member.kind.startswith('struct '):
                rows += [(offset + inner, width, count, name)
                         for inner, width, count, name in self._members(member.kind[7:])]
            else:
                rows.append((offset, size, self._headers.length(member), member.name))
        return rows

    def size(self, tag):
        return self._headers.layout(tag)[0]

    def pack(self, tag, **values):
        """A structure's bytes; members that are not named are zero."""
        data = bytearray(self.size(tag))
        for offset, size, count, name in self._members(tag):
            value = values.pop(name, 0)
            elements = [0] * count if not value else [value] if count == 1 else list(value)
            struct.pack_into(f'<{count}{_FORMATS[size]}', data, offset, *elements)
        if values:
            raise ValueError(f'struct {tag} has no {", ".join(values)}')
        return bytes(data)

    def unpack(self, tag, data):
        """A structure's members as a dictionary."""
        result = {}
        for offset, size, count, name in self._members(tag):
            elements = struct.unpack_from(f'<{count}{_FORMATS[size]}', data, offset)
            result[name] = elements[0] if count == 1 else list(elements)
        return result


egret = Layout()
