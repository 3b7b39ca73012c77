#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""ONNX files, made from scratch, so that tests need no package for it.

  tests/nn/onnx_file.py MODEL >FILE

writes one of those at the end of this file. As a module it has functions for the parts
of a file, which all return bytes.
"""

import struct
import sys


def varint(number):
    out = b''
    number &= (1 << 64) - 1
    while number >= 128:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number, contents):
    """A field of a protobuf message: a number, a text, or a message."""
    if isinstance(contents, int):
        return varint(number << 3) + varint(contents)
    if isinstance(contents, str):
        contents = contents.encode()
    return varint(number << 3 | 2) + varint(len(contents)) + contents


def fields(*pairs):
    return b''.join(field(*pair) for pair in pairs)


def attribute(name, contents):
    """A number, a text, integers or texts (a list), numbers or a tensor (a tuple), or a graph
    (bytes)."""
    if isinstance(contents, float):
        return fields((1, name)) + b'\x15' + struct.pack('<f', contents) + fields((20, 1))
    if isinstance(contents, int):
        return fields((1, name), (3, contents), (20, 2))
    if isinstance(contents, str):
        return fields((1, name), (4, contents), (20, 3))
    if isinstance(contents, bytes):
        return fields((1, name), (6, contents), (20, 5))
    if isinstance(contents, tuple) and isinstance(contents[0], float):
        return fields((1, name)) + b''.join(b'\x3d' + struct.pack('<f', x) for x in contents) + \
               fields((20, 6))
    if isinstance(contents, tuple):
        return fields((1, name), (5, contents[0]), (20, 4))
    if isinstance(contents[0], str):
        return fields((1, name), *[(9, text) for text in contents], (20, 8))
    return fields((1, name), *[(8, i) for i in contents], (20, 7))


def node(kind, inputs, outputs, name='', **attributes):
    """An operator of another domain is DOMAIN:KIND; an input or output left out is -."""
    domain, _, kind = kind.rpartition(':')
    return fields(*[(1, value.strip('-')) for value in inputs.split()],
                  *[(2, value.strip('-')) for value in outputs.split()],
                  *([(3, name)] if name else []), (4, kind),
                  *[(5, attribute(*pair)) for pair in attributes.items()],
                  *([(7, domain)] if domain else []))


def tensor(name, sizes, contents=None, kind=1, location=None):
    entries = [(13, fields((1, key), (2, value))) for key, value in (location or {}).items()]
    return fields(*[(1, size) for size in sizes], (2, kind), (8, name),
                  *([] if contents is None else [(9, contents)]), *entries,
                  *([(14, 1)] if location else []))


def value_info(name, sizes, kind=1):
    shape = fields(*[(1, field(1 if isinstance(size, int) else 2, size)) for size in sizes])
    return fields((1, name), (2, field(1, fields((1, kind), (2, shape)))))


def sequence_info(name, kind=1):
    """A sequence of tensors of any shape."""
    return fields((1, name), (2, field(4, field(1, field(1, field(1, kind))))))


def optional_info(name, kind=1):
    """A tensor of any shape, or nothing."""
    return fields((1, name), (2, field(9, field(1, field(1, field(1, kind))))))


def graph(nodes, outputs, inputs=(), tensors=()):
    return fields(*[(1, n) for n in nodes], (2, 'g'), *[(5, t) for t in tensors],
                  *[(11, i) for i in inputs], *[(12, field(1, o)) for o in outputs.split()])


def model(*arguments, version=17, **options):
    return fields((1, 8), (7, graph(*arguments, **options)), (8, field(2, version)))


def ints(name, *numbers):
    return tensor(name, [len(numbers)], struct.pack(f'<{len(numbers)}q', *numbers), kind=7)


def floats(name, sizes, *numbers):
    return tensor(name, sizes, struct.pack(f'<{len(numbers)}f', *numbers))


def texts(name, *words):
    return fields((1, len(words)), (2, 8), *[(6, word) for word in words], (8, name))


# ---- Models ----

def line():
    """y = x * w + b, for any number of rows."""
    return model([node('MatMul', 'x w', 'm'), node('Add', 'm b', 'y')], 'y',
                 [value_info('x', ['N', 2])],
                 [floats('w', [2, 3], 1, 2, 3, 4, 5, 6), floats('b', [3], 10, 20, 30)])


def image():
    """A convolution with what follows it, and sizes that are computed."""
    return model([node('Conv', 'x w', 'c', pads=[1, 1, 1, 1]), node('Relu', 'c', 'r'),
                  node('GlobalAveragePool', 'r', 'g'), node('Shape', 'g', 's'),
                  node('Gather', 's i', 'n'), node('Concat', 'n m', 't', axis=0),
                  node('Reshape', 'g t', 'y')], 'y',
                 [value_info('x', ['N', 3, 'H', 'W'])],
                 [floats('w', [4, 3, 3, 3], *(k % 7 - 3 for k in range(108))),
                  ints('i', 0), ints('m', -1)])


def two():
    """Two inputs of different types, two outputs."""
    return model([node('Add', 'a a', 'sum'), node('Gather', 'a k', 'chosen')], 'sum chosen',
                 [value_info('a', ['N']), value_info('k', ['M'], kind=7)])


def constant():
    """Parameters that are nodes, as some exporters write them: y = x * w + 3."""
    return model([node('Constant', '', 'w', value=(floats('', [2, 3], 1, 2, 3, 4, 5, 6),)),
                  node('Constant', '', 'b', value_int=3), node('Cast', 'b', 'f', to=1),
                  node('MatMul', 'x w', 'm'), node('Add', 'm f', 'y')], 'y',
                 [value_info('x', ['N', 2])])


def unknown():
    """An operator that does not exist."""
    return model([node('Relu', 'x', 'r'), node('Levitate', 'r', 'y')], 'y',
                 [value_info('x', ['N', 2])])


def picture():
    """A picture as it is, with channels first."""
    return model([node('Identity', 'x', 'y')], 'y', [value_info('x', ['N', 3, 'H', 'W'])])


def small():
    """A small picture as bytes, with channels last."""
    return model([node('Identity', 'x', 'y')], 'y', [value_info('x', [1, 2, 2, 3], kind=2)])


def gray():
    """A picture with one channel, of half floats."""
    return model([node('Identity', 'x', 'y')], 'y', [value_info('x', [1, 4, 4], kind=10)])


def sound():
    """Samples as they are."""
    return model([node('Identity', 'x', 'y')], 'y', [value_info('x', ['N', 'T'])])


def kinds():
    """Texts, a sequence, and an input that may be nothing."""
    return model([node('StringConcat', 'words ending', 'plural'),
                  node('ConcatFromSequence', 'parts', 'all', axis=0),
                  node('SequenceInsert', 'parts all', 'more'),
                  node('OptionalHasElement', 'extra', 'has')], 'plural more has',
                 [value_info('words', ['N'], kind=8), sequence_info('parts'),
                  optional_info('extra')], [texts('ending', 's')], version=20)


def parts():
    """A sequence, an input that may be nothing, and texts that come out."""
    return model([node('ConcatFromSequence', 'parts', 'all', axis=0),
                  node('SequenceInsert', 'parts all', 'more'),
                  node('OptionalHasElement', 'extra', 'has'),
                  node('StringConcat', 'words words', 'twice')], 'more has twice',
                 [sequence_info('parts'), optional_info('extra')],
                 [texts('words', 'pa', 'bon')], version=20)


def stream():
    """What does little with much: 4096 rows of 4096 numbers by 4096 others."""
    sizes = [4096, 4096]
    return model([node('Add', 'a b', 'y')], 'y', [value_info('a', sizes), value_info('b', sizes)])


def product():
    """2048 x 2048 x 2048 multiplications of bytes."""
    sizes = [2048, 2048]
    return model([node('MatMulInteger', 'a b', 'y')], 'y',
                 [value_info('a', sizes, kind=3), value_info('b', sizes, kind=3)])


def rows():
    """A tensor, not a model: an input of `line'."""
    return floats('x', [2, 2], 1, 2, 3, 4)


def main():
    makers = {maker.__name__: maker for maker in (line, image, two, constant, unknown, picture, small,
                                                 gray, sound, kinds, parts, stream, product,
                                                 rows)}
    if len(sys.argv) != 2 or sys.argv[1] not in makers:
        print(f'usage: onnx_file.py {"|".join(makers)}', file=sys.stderr)
        return 2
    sys.stdout.buffer.write(makers[sys.argv[1]]())
    return 0


if __name__ == '__main__':
    sys.exit(main())
