#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""Models of a node each of ONNX Runtime's own operators.

  tests/nn/microsoft_file.py FOLDER

writes FOLDER/NAME.onnx, the inputs that may not be any numbers as FOLDER/NAME.INPUT.raw, and to
stdout a line for each model: its name, tolerance, where its nodes are computed, and the
arguments with which accel-run gets the inputs. FOLDER/refused has a line for each model that is
not supported: its name, and why.
"""

import os
import struct
import sys

from decoder_file import Random
from onnx_file import field, fields, floats, graph, node, tensor, value_info

F32, U8, I8, I32, I64, BOOL, F64, I4 = 1, 2, 3, 6, 7, 9, 11, 22
FORMATS = {F32: 'f', U8: 'B', I8: 'b', I32: 'i', I64: 'q', BOOL: 'B', F64: 'd'}
random = Random(7)
CASES = {}


def packed(kind, numbers):
    return struct.pack(f'<{len(numbers)}{FORMATS[kind]}', *numbers)


def product(sizes):
    count = 1
    for size in sizes:
        count *= size
    return count


def some(sizes, kind=F32, scale=1.0, middle=0.0):
    """Numbers for a tensor; integers of all that there are."""
    if kind == F32:
        return random.numbers(product(sizes), scale, middle)
    low, high = {U8: (0, 255), I8: (-128, 127), I32: (-1000, 1000)}[kind]
    return [low + int((random.number() + 1) / 2 * (high - low + 1)) for _ in range(product(sizes))]


class Case:
    """A model: nodes, inputs with sizes, weights."""

    def __init__(self, name, tolerance=1e-5, version=21, place='card', refused=None,
                 domain='com.microsoft', domain_version=1):
        self.nodes, self.inputs, self.tensors, self.files = [], [], [], {}
        self.tolerance, self.version, self.place, self.refused = tolerance, version, place, refused
        self.domain, self.domain_version = domain, domain_version
        CASES[name] = self

    def input(self, name, sizes, kind=F32, numbers=None):
        """Numbers of float32 are made up by accel-run."""
        if numbers is None and kind != F32:
            numbers = some(sizes, kind)
        self.inputs.append(value_info(name, sizes, kind))
        if numbers is not None:
            self.files[name] = packed(kind, numbers)
        return self

    def weight(self, name, sizes, kind=F32, numbers=None, **options):
        self.tensors.append(tensor(name, sizes, packed(kind, numbers or some(sizes, kind, **options)),
                                   kind=kind))
        return self

    def node(self, kind, inputs, outputs, **attributes):
        self.nodes.append(node(kind, inputs, outputs, **attributes))
        return self

    def end(self, kind, inputs, outputs='y', **attributes):
        """The node in question."""
        self.node(f'com.microsoft:{kind}', inputs, outputs, **attributes)
        self.outputs = outputs.replace('-', ' ')

    def pack(self):
        return fields((1, 8), (7, graph(self.nodes, self.outputs, self.inputs, self.tensors)),
                      (8, field(2, self.version)), (8, fields((1, self.domain), (2, self.domain_version))))


# ---- Normalisation ----

def norms():
    sizes = [2, 3, 16]
    Case('skip-simplified').input('x', sizes).input('s', sizes).weight('g', [16]).end(
        'SkipSimplifiedLayerNormalization', 'x s g', 'y - - sum', epsilon=1e-5)
    Case('skip-simplified-bias').input('x', sizes).input('s', sizes).weight('g', [16]).weight(
        'b', [16]).end('SkipSimplifiedLayerNormalization', 'x s g b', epsilon=1e-6)
    Case('skip-norm').input('x', sizes).input('s', sizes).weight('g', [16]).weight('b', [16]).weight(
        'c', [16]).end('SkipLayerNormalization', 'x s g b c', 'y - - sum', epsilon=1e-5)
    case = Case('simplified').input('x', sizes).weight('g', [16])
    case.node('SimplifiedLayerNormalization', 'x g', 'y', epsilon=1e-5, axis=-1)
    case.outputs = 'y'
    case = Case('old-layer-norm', version=13).input('x', sizes).weight('g', [16]).weight('b', [16])
    case.node('LayerNormalization', 'x g b', 'y', epsilon=1e-5, axis=-1)
    case.outputs = 'y'
    case = Case('embed').input('ids', [2, 5], I32, [1, 2, 3, 0, 9, 4, 4, 7, 8, 2])
    case.input('segments', [2, 5], I32, [0, 0, 1, 1, 1, 0, 1, 1, 1, 1])
    case.input('mask', [2, 5], I32, [1, 1, 1, 1, 0, 1, 1, 0, 0, 0])
    case.weight('w', [10, 16]).weight('p', [8, 16]).weight('t', [2, 16]).weight('g', [16]).weight('b', [16])
    case.end('EmbedLayerNormalization', 'ids segments w p t g b mask', 'y index sum', epsilon=1e-5)


# ---- Activations and products ----

def simple():
    sizes = [3, 4, 16]
    Case('gelu').input('x', sizes).end('Gelu', 'x')
    Case('bias-gelu').input('x', sizes).weight('b', [16]).end('BiasGelu', 'x b')
    Case('fast-gelu').input('x', sizes).end('FastGelu', 'x')
    Case('fast-gelu-bias').input('x', sizes).weight('b', [16]).end('FastGelu', 'x b')
    Case('quick-gelu').input('x', sizes).end('QuickGelu', 'x', alpha=1.702)
    Case('fused-mat-mul').input('a', [2, 8, 5]).input('b', [2, 6, 8]).end(
        'FusedMatMul', 'a b', alpha=0.25, transA=1, transB=1)
    Case('fused-gemm').input('a', [5, 8]).weight('b', [6, 8]).weight('c', [6]).end(
        'FusedGemm', 'a b c', transB=1, activation='LeakyRelu', activation_alpha=0.1)
    Case('fused-conv').input('x', [1, 3, 9, 9]).weight('w', [8, 3, 3, 3]).weight('b', [8]).input(
        'z', [1, 8, 9, 9]).end('FusedConv', 'x w b z', pads=[1, 1, 1, 1], activation='Relu')
    Case('fused-conv-sigmoid').input('x', [1, 3, 9, 9]).weight('w', [8, 3, 3, 3]).weight('b', [8]).end(
        'FusedConv', 'x w b', strides=[2, 2], activation='Sigmoid')


# ---- Quantised ----

def parameters(case, *names):
    for name in names:
        case.weight(f'{name}s', [], numbers=[0.02 + (random.number() + 1) / 100])
        case.weight(f'{name}z', [], U8, [int(128 + 40 * random.number())])
    return case


def quantised():
    sizes = [2, 8, 6, 6]
    for kind in ('Add', 'Mul'):
        parameters(Case(f'qlinear-{kind.lower()}').input('a', sizes, U8).input('b', [8, 1, 1], U8),
                   'a', 'b', 'c').end(f'QLinear{kind}', 'a as az b bs bz cs cz')
    for kind, options in (('Sigmoid', {}), ('LeakyRelu', {'alpha': 0.1}), ('GlobalAveragePool', {}),
                          ('AveragePool', {'kernel_shape': [3, 3], 'strides': [2, 2]})):
        parameters(Case(f'qlinear-{kind.lower()}').input('x', sizes, U8), 'x', 'y').end(
            f'QLinear{kind}', 'x xs xz ys yz', **options)
    parameters(Case('qlinear-softmax').input('x', [4, 10], U8), 'x').weight(
        'ys', [], numbers=[1 / 256]).weight('yz', [], U8, [0]).end(
            'QLinearSoftmax', 'x xs xz ys yz', axis=-1, opset=13)
    parameters(Case('qlinear-concat').input('a', sizes, U8).input('b', sizes, U8), 'a', 'b', 'y').end(
        'QLinearConcat', 'ys yz a as az b bs bz', axis=1)
    parameters(Case('qgemm').input('a', [5, 16], U8).weight('b', [16, 12], U8).weight('c', [12], I32),
               'a', 'b').weight('ys', [], numbers=[0.5]).weight('yz', [], U8, [120]).end(
                   'QGemm', 'a as az b bs bz c ys yz')
    parameters(Case('integer-to-float').input('a', [2, 5, 16], U8).weight('b', [16, 12], I8).weight(
        'bs', [12], scale=0.01, middle=0.02).weight('bz', [], I8, [3]).weight('c', [12]), 'a').end(
            'MatMulIntegerToFloat', 'a b as bs az bz c')
    Case('dynamic-mat-mul', 1e-4).input('a', [2, 5, 16]).weight('b', [16, 12], I8).weight(
        'bs', [], numbers=[0.02]).weight('bz', [], I8, [0]).weight('c', [12]).end(
            'DynamicQuantizeMatMul', 'a b bs bz c')


# ---- Attention ----

def angles(case, rows, half):
    case.weight('cos', [rows, half]).weight('sin', [rows, half])
    return case


def attention():
    angles(Case('rotary').input('x', [2, 5, 32]).input('ids', [2, 5], I64, [0, 1, 2, 3, 4, 3, 4, 5, 6, 7]),
           16, 4).end('RotaryEmbedding', 'x ids cos sin')
    angles(Case('rotary-from').input('x', [2, 4, 5, 8]).input('ids', [1], I64, [3]), 16, 4).end(
        'RotaryEmbedding', 'x ids cos sin', interleaved=1)
    angles(Case('rotary-part').input('x', [2, 5, 32]).input('ids', [2, 5], I64, list(range(10))),
           16, 2).end('RotaryEmbedding', 'x ids cos sin', num_heads=4, rotary_embedding_dim=4)
    for name, options in (('', {}), ('-unidirectional', {'unidirectional': 1})):
        Case(f'multi-head{name}').input('q', [2, 5, 32]).input('k', [2, 5, 32]).input('v', [2, 5, 32]).end(
            'MultiHeadAttention', 'q k v', num_heads=4, **options)
    Case('multi-head-mask').input('q', [2, 5, 32]).input('k', [2, 7, 32]).input('v', [2, 7, 32]).input(
        'm', [2, 7], I32, [1] * 5 + [0] * 2 + [1] * 7).weight('b', [96]).end(
            'MultiHeadAttention', 'q k v b m', num_heads=4)
    Case('multi-head-past').input('q', [2, 1, 32]).input('k', [2, 1, 32]).input('v', [2, 1, 32]).input(
        'pk', [2, 4, 6, 8]).input('pv', [2, 4, 6, 8]).end(
            'MultiHeadAttention', 'q k v - - - pk pv', 'y nk nv', num_heads=4)
    Case('attention').input('x', [2, 5, 16]).weight('w', [16, 96]).weight('b', [96]).input(
        'm', [2, 5], I32, [1] * 3 + [0] * 2 + [1] * 5).end('Attention', 'x w b m', num_heads=4)
    Case('attention-lengths').input('x', [2, 5, 16]).weight('w', [16, 96]).weight('b', [96]).input(
        'm', [2], I32, [3, 5]).end('Attention', 'x w b m', num_heads=4)
    Case('attention-past').input('x', [2, 1, 16]).weight('w', [16, 96]).weight('b', [96]).input(
        'p', [2, 2, 4, 6, 8]).end('Attention', 'x w b - p', 'y n', num_heads=4, unidirectional=1)
    case = Case('quantised-attention', 1e-3).input('x', [2, 5, 16], U8).weight('w', [16, 96], I8)
    case.weight('b', [96]).weight('xs', [], numbers=[0.01]).weight('ws', [], numbers=[0.01])
    case.weight('xz', [], U8, [128]).weight('wz', [], I8, [0]).end(
        'QAttention', 'x w b xs ws - xz wz', num_heads=4)


def group_query(name, lengths, words, past=0, room=0, packed_inputs=False, **options):
    """lengths: words of each text, with those of the cache. room: places of a larger cache."""
    batch, heads, kv_heads, size = len(lengths), 4, 2, 16
    case = Case(f'group-query-{name}')
    if packed_inputs:
        case.input('q', [batch, words, (heads + 2 * kv_heads) * size])
    else:
        case.input('q', [batch, words, heads * size])
        case.input('k', [batch, words, kv_heads * size]).input('v', [batch, words, kv_heads * size])
    cache = [batch, kv_heads, room or past, size]
    for part in ('pk', 'pv'):
        # Nothing where a text has no words: what is there afterwards is nobody's business.
        numbers = [x if row < lengths[text] - words else 0.0 for text in range(batch)
                   for _ in range(kv_heads) for row in range(room or past)
                   for x in some([size])]
        case.input(part, cache, F32, numbers)
    case.input('lengths', [batch], I32, [length - 1 for length in lengths])
    case.weight('total', [], I32, [max(lengths)])
    inputs = f"q {'- -' if packed_inputs else 'k v'} pk pv lengths total"
    if options.get('do_rotary'):
        angles(case, 32, 8)
        inputs += ' cos sin'
    case.end('GroupQueryAttention', inputs, 'y nk nv', num_heads=heads, kv_num_heads=kv_heads, **options)


def group_queries():
    group_query('prompt', [5, 5], 5, do_rotary=1)
    group_query('next', [9, 9], 1, 8, do_rotary=1)
    group_query('ragged-next', [9, 7], 1, 8, do_rotary=1)
    group_query('more', [9], 3, 6, do_rotary=1)
    group_query('packed', [9, 9], 1, 8, packed_inputs=True, do_rotary=1, rotary_interleaved=1)
    group_query('scaled', [5, 5], 5, scale=0.2)
    group_query('window', [12], 12, do_rotary=1, local_window_size=4)
    group_query('window-next', [12], 1, 11, do_rotary=1, local_window_size=4)
    group_query('room', [9, 9], 1, 8, room=16, do_rotary=1)


# ---- Blocks ----

def nbits(name, rows, length, block, bits=4, zeros=None, words=(2, 3), bias=False, **case):
    count = -(-length // block)
    case = Case(f'nbits-{name}', 1e-4, **case).input('a', [*words, length])
    case.weight('w', [rows, count, block * bits // 8], U8)
    case.weight('s', [rows * count], scale=0.05)
    if zeros == F32:
        case.weight('z', [rows * count], scale=4, middle=8)
    elif zeros:
        case.weight('z', [rows * -(-count * bits // 8)], U8)
    if bias:
        case.weight('b', [rows])
    case.end('MatMulNBits', f"a w s {'z' if zeros else '-'} - {'b' if bias else '-'}".rstrip('- '),
             N=rows, K=length, bits=bits, block_size=block)


def gather_blocks(name, rows, length, block, bits=4, zeros=False, **case):
    count = length // block
    case = Case(f'gather-blocks-{name}', **case).input('i', [2, 3], I64, [0, 5, 1, rows - 1, 2, 2])
    case.weight('w', [rows, length * bits // 8], U8).weight('s', [rows, count], scale=0.05)
    if zeros:
        case.weight('z', [rows, -(-count * bits // 8)], U8)
    case.end('GatherBlockQuantized', 'w i s z' if zeros else 'w i s', bits=bits, block_size=block,
             gather_axis=0, quantize_axis=1)


def blocks():
    nbits('plain', 48, 64, 32)
    nbits('one-word', 96, 256, 32, words=[1, 1])
    nbits('many-words', 80, 128, 64, words=[2, 40])
    nbits('large-blocks', 40, 256, 128)
    nbits('small-blocks', 40, 64, 16, place='host')
    nbits('ragged', 33, 100, 32)
    nbits('zeros', 48, 160, 32, zeros=U8)
    nbits('real-zeros', 48, 64, 32, zeros=F32, place='host')
    nbits('bias', 48, 64, 32, bias=True)
    nbits('bytes', 48, 96, 32, bits=8)
    case = Case('nbits-and-more', 1e-4).input('a', [2, 3, 64]).input('r', [2, 3, 40])
    case.weight('w', [40, 2, 16], U8).weight('s', [80], scale=0.05).node(
        'com.microsoft:MatMulNBits', 'a w s', 'm', N=40, K=64, bits=4, block_size=32)
    case.node('Add', 'm r', 'n').node('Sigmoid', 'n', 'o').node('Mul', 'n o', 'y')
    case.outputs = 'y'
    gather_blocks('plain', 10, 64, 32)
    gather_blocks('zeros', 10, 96, 32, zeros=True)
    gather_blocks('bytes', 10, 64, 16, bits=8)
    case = Case('gather-blocks-int4', place='host').input('i', [3], I64, [9, 0, 4])
    case.tensors.append(tensor('w', [10, 64], packed(U8, some([10, 32], U8)), kind=I4))
    case.tensors.append(tensor('z', [10, 2], packed(U8, some([10], U8)), kind=I4))
    case.weight('s', [10, 2], scale=0.05).end('GatherBlockQuantized', 'w i s z', block_size=32,
                                              gather_axis=0, quantize_axis=1)


def refused():
    """What is missing, each with the reason that the user is to see."""
    Case('softcap', refused='softcap').input('q', [1, 5, 64]).input('k', [1, 5, 32]).input(
        'v', [1, 5, 32]).weight('l', [1], I32, [4]).weight('t', [], I32, [5]).end(
            'GroupQueryAttention', 'q k v - - l t', num_heads=4, kv_num_heads=2, softcap=30.0)
    Case('packed-heads', refused='packed queries, keys and values').input('q', [1, 5, 4, 3, 8]).end(
        'MultiHeadAttention', 'q', num_heads=4)
    parameters(Case('last', refused='channels_last').input('x', [2, 6, 6, 8], U8), 'x', 'y').end(
        'QLinearGlobalAveragePool', 'x xs xz ys yz', channels_last=1)


def write_cases(folder):
    with open(os.path.join(folder, 'refused'), 'w', encoding='ascii') as file:
        for name, case in CASES.items():
            if case.refused:
                print(name, case.refused, file=file)
    for name, case in CASES.items():
        with open(os.path.join(folder, f'{name}.onnx'), 'wb') as file:
            file.write(case.pack())
        arguments = []
        for key, contents in case.files.items():
            path = os.path.join(folder, f'{name}.{key}.raw')
            with open(path, 'wb') as file:
                file.write(contents)
            arguments.append(f'{key}={path}')
        if not case.refused:
            print(name, case.tolerance, case.place, *arguments)


def main():
    if len(sys.argv) != 2:
        print('usage: microsoft_file.py FOLDER', file=sys.stderr)
        return 2
    for make in (norms, simple, quantised, attention, group_queries, blocks, refused):
        make()
    write_cases(sys.argv[1])
    return 0


if __name__ == '__main__':
    sys.exit(main())
