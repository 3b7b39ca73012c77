#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""Models of operators in old versions, which meant something else, or had as attributes what are
inputs today.

  tests/nn/versions_file.py FOLDER

writes the same files and lines as microsoft_file.py, which has all but the models.
"""

import sys

from microsoft_file import BOOL, Case, F32, I32, I64, U8, write_cases

HOST = 'host'


def case(name, version, kind, inputs, outputs='y', place='card', tensors=(), weights=(), **attributes):
    """A node with inputs of float32 of some sizes, and constants."""
    result = Case(f'{name}-{version}', version=version, place=place)
    for key, sizes in tensors:
        result.input(key, sizes)
    for key, sizes, *rest in weights:
        result.weight(key, sizes, *rest)
    result.node(kind, inputs, outputs, **attributes)
    result.outputs = outputs.replace('-', ' ')
    return result


def shapes():
    x = [('x', [2, 1, 6, 8])]
    for version in (7, 11):
        case('squeeze', version, 'Squeeze', 'x', tensors=x, axes=[1])
        case('unsqueeze', version, 'Unsqueeze', 'x', tensors=x, axes=[0, 3])
    case('squeeze-all', 7, 'Squeeze', 'x', tensors=x)
    case('slice', 7, 'Slice', 'x', tensors=x, axes=[2, 3], starts=[1, -4], ends=[5, 9999])
    case('slice-plain', 9, 'Slice', 'x', tensors=x, starts=[0, 0, 2], ends=[1, 1, 4])
    case('split', 7, 'Split', 'x', 'y z', tensors=x, axis=2, split=[2, 4])
    case('split-even', 11, 'Split', 'x', 'y z', tensors=x, axis=-1)
    case('pad', 7, 'Pad', 'x', tensors=x, pads=[0, 0, 1, 2, 0, 0, 3, 4], value=0.5)
    case('pad-reflect', 7, 'Pad', 'x', tensors=x, place=HOST, mode='reflect',
         pads=[0, 0, 1, 2, 0, 0, 3, 4])
    case('upsample', 9, 'Upsample', 'x s', tensors=x, weights=[('s', [4], F32, [1, 1, 2, 2])],
         mode='nearest')
    case('upsample', 7, 'Upsample', 'x', tensors=x, mode='nearest', scales=(1.0, 1.0, 2.0, 2.0))
    case('upsample-linear', 9, 'Upsample', 'x s', tensors=x,
         weights=[('s', [4], F32, [1, 1, 2, 2])], mode='linear')
    case('resize', 10, 'Resize', 'x s', tensors=x, weights=[('s', [4], F32, [1, 1, 2, 0.5])],
         mode='nearest')
    case('resize-linear', 10, 'Resize', 'x s', tensors=x, weights=[('s', [4], F32, [1, 1, 2, 2])],
         mode='linear')
    case('flatten', 9, 'Flatten', 'x', tensors=x, axis=2)
    case('tile', 7, 'Tile', 'x r', tensors=x, weights=[('r', [4], I64, [1, 3, 1, 2])])
    case('expand', 8, 'Expand', 'x s', tensors=x, weights=[('s', [4], I64, [2, 5, 6, 1])])
    case('gather', 7, 'Gather', 'x i', tensors=x, weights=[('i', [2], I64, [1, 0])], axis=0)
    case('scatter', 9, 'Scatter', 'x i u', tensors=[('x', [3, 4])], place=HOST,
         weights=[('i', [1, 4], I64, [0, 2, 1, 2]), ('u', [1, 4])], axis=0)
    case('one-hot', 9, 'OneHot', 'i d v', place=HOST, weights=[
        ('i', [3], I64, [0, 3, 1]), ('d', [1], I64, [5]), ('v', [2], F32, [0.0, 1.0])])


def reductions():
    x = [('x', [2, 3, 6, 8])]
    for kind in ('Sum', 'Mean', 'Max', 'Min', 'Prod', 'L1', 'L2', 'LogSum', 'LogSumExp', 'SumSquare'):
        case(f'reduce-{kind.lower()}', 11, f'Reduce{kind}', 'x', tensors=x, keepdims=0, axes=[1, -1],
             place=HOST if kind == 'LogSumExp' else 'card')
    case('reduce-all', 7, 'ReduceMean', 'x', tensors=x)
    for kind in ('ArgMax', 'ArgMin'):
        case(kind.lower(), 7, kind, 'x', tensors=x, axis=2, keepdims=0)
    for kind in ('Softmax', 'LogSoftmax', 'Hardmax'):
        # All dimensions from the axis on are one.
        case(kind.lower(), 11, kind, 'x', tensors=x, place=HOST if kind == 'Hardmax' else 'card')
        case(f'{kind.lower()}-last', 7, kind, 'x', tensors=x, axis=3,
             place=HOST if kind == 'Hardmax' else 'card')
    case('top-k', 9, 'TopK', 'x', 'y i', tensors=x, place=HOST, k=3, axis=3)
    case('top-k', 10, 'TopK', 'x k', 'y i', tensors=x, place=HOST, weights=[('k', [1], I64, [3])])
    case('cum-sum', 11, 'CumSum', 'x a', tensors=x, weights=[('a', [], I32, [3])])


def numbers():
    x = [('x', [2, 3, 6, 8])]
    case('clip', 7, 'Clip', 'x', tensors=x, min=0.25, max=0.75)
    case('clip-low', 10, 'Clip', 'x', tensors=x, min=0.5)
    case('clip', 11, 'Clip', 'x l', tensors=x, weights=[('l', [], F32, [0.5])])
    case('dropout', 7, 'Dropout', 'x', tensors=x, ratio=0.5)
    case('dropout', 10, 'Dropout', 'x', tensors=x, ratio=0.5)
    case('cast', 7, 'Cast', 'x', tensors=x, to=6)
    case('pow', 7, 'Pow', 'x e', tensors=x, weights=[('e', [], F32, [1.5])])
    case('add', 7, 'Add', 'x z', tensors=x + [('z', [3, 1, 8])])
    case('sum', 8, 'Sum', 'x z x', tensors=x + [('z', [8])])
    case('prelu', 7, 'PRelu', 'x s', tensors=x, weights=[('s', [3, 1, 1])])
    case('mod', 10, 'Mod', 'x z', tensors=[('x', [8])], weights=[('z', [8], F32, [0.3] * 8)], fmod=1)
    case('where', 9, 'Where', 'c x z', tensors=x + [('z', [8])],
         weights=[('c', [6, 1], BOOL, [0, 1, 1, 0, 1, 0])])
    case('batch-norm', 7, 'BatchNormalization', 'x s b m v', tensors=x, epsilon=1e-3, weights=[
        ('s', [3]), ('b', [3]), ('m', [3]), ('v', [3], F32, [0.5, 1.0, 2.0])])
    case('batch-norm', 9, 'BatchNormalization', 'x s b m v', tensors=x, momentum=0.8, weights=[
        ('s', [3]), ('b', [3]), ('m', [3]), ('v', [3], F32, [0.5, 1.0, 2.0])])
    case('gemm', 7, 'Gemm', 'x w b', tensors=[('x', [4, 8])], weights=[('w', [8, 6]), ('b', [6])])
    case('gemm', 9, 'Gemm', 'x w b', tensors=[('x', [8, 4])], alpha=0.5, transA=1,
         weights=[('w', [8, 6]), ('b', [4, 1])])
    case('max-pool', 7, 'MaxPool', 'x', tensors=x, kernel_shape=[2, 3], strides=[2, 2],
         auto_pad='SAME_UPPER')
    case('average-pool', 7, 'AveragePool', 'x', tensors=x, kernel_shape=[3, 3], pads=[1, 1, 1, 1],
         count_include_pad=1)
    case('average-pool-ceil', 10, 'AveragePool', 'x', tensors=x, kernel_shape=[3, 3],
         strides=[2, 2], ceil_mode=1)
    case('conv', 7, 'Conv', 'x w', tensors=x, weights=[('w', [4, 3, 3, 3])], auto_pad='SAME_LOWER')
    case('conv-transpose', 7, 'ConvTranspose', 'x w', tensors=x, weights=[('w', [3, 4, 3, 3])],
         strides=[2, 2], auto_pad='SAME_UPPER')
    case('lrn', 7, 'LRN', 'x', tensors=x, place=HOST, size=3)
    case('instance-norm', 7, 'InstanceNormalization', 'x s b', tensors=x,
         weights=[('s', [3]), ('b', [3])])
    case('quantise', 10, 'QuantizeLinear', 'x s z', tensors=x,
         weights=[('s', [], F32, [0.02]), ('z', [], U8, [3])])


def recurrent():
    sizes = {'LSTM': 4, 'GRU': 3, 'RNN': 1}
    for kind, gates in sizes.items():
        case(kind.lower(), 7, kind, 'x w r b', 'y h', tensors=[('x', [5, 2, 6])], hidden_size=4,
             weights=[('w', [1, gates * 4, 6]), ('r', [1, gates * 4, 4]), ('b', [1, gates * 8])])


def main():
    if len(sys.argv) != 2:
        print('usage: versions_file.py FOLDER', file=sys.stderr)
        return 2
    for make in (shapes, reductions, numbers, recurrent):
        make()
    write_cases(sys.argv[1])
    return 0


if __name__ == '__main__':
    sys.exit(main())
