#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""Models of operators of classic analytics.

  tests/nn/classic_file.py FOLDER

writes the same files and lines as microsoft_file.py, which has all but the models.
"""

import struct
import sys

from microsoft_file import Case, F32, F64, I32, I64, random, some, write_cases
from onnx_file import tensor

ROWS, FEATURES = 40, 5


def case(name, kind, inputs='x', outputs='y', refused=None, place='card', **attributes):
    result = Case(name, version=17, domain='ai.onnx.ml', refused=refused, place=place)
    for key in inputs.split():
        result.input(key, [5, 4])
    result.node(f'ai.onnx.ml:{kind}', inputs, outputs, **attributes)
    result.outputs = outputs
    return result


def classic():
    case('scaler', 'Scaler', offset=(0.5, 0.25, 0.0, 1.0), scale=(2.0, 1.0, -3.0, 0.5))
    case('scaler-one', 'Scaler', offset=(0.5,), scale=(2.0,))
    case('normalizer-1', 'Normalizer', norm='L1')
    case('normalizer-2', 'Normalizer', norm='L2')
    case('imputer', 'Imputer', imputed_value_floats=(1.0, 2.0, 3.0, 4.0),
         replaced_value_float=float('nan'))
    case('vectorizer', 'FeatureVectorizer', 'x z', inputdimensions=[4, 4])
    for transform in ('NONE', 'SOFTMAX', 'LOGISTIC'):
        case(f'regressor-{transform.lower()}', 'LinearRegressor', targets=3, post_transform=transform,
             coefficients=tuple(some([12])), intercepts=(0.5, -0.25, 0.0))
        case(f'classifier-{transform.lower()}', 'LinearClassifier', outputs='y z',
             classlabels_ints=[7, 3, 9], coefficients=tuple(some([12])), intercepts=(0.5, -0.25, 0.0),
             post_transform=transform)
    case('classifier-texts', 'LinearClassifier', outputs='y z', classlabels_strings=['a', 'bc'],
         place='host', coefficients=tuple(some([8])), intercepts=(0.5, -0.25))
    integers = Case('scaler-integers', version=17, domain='ai.onnx.ml').input(
        'x', [2, 2], I64, [1, -2, 3, 4])
    integers.node('ai.onnx.ml:Scaler', 'x', 'y', offset=(1.0, 0.0), scale=(0.5, 2.0))
    integers.outputs = 'y'
    case('probit', 'LinearRegressor', refused='its post_transform', post_transform='PROBIT',
         coefficients=tuple(some([4])))
    case('maps', 'ZipMap', refused="maps as its result: take its input, the probabilities, or export with "
         "options={'zipmap': False}", classlabels_int64s=[1, 2, 3, 4])
    case('largest', 'Normalizer', refused='another norm than L1 and L2', norm='MAX')


def encoders():
    for name, kind, zeros, place in (('i64', I64, 1, 'card'), ('f32', F32, 1, 'card'),
                                     ('strict', I64, 0, 'host'), ('f64', F64, 0, 'host')):
        result = Case(f'one-hot-{name}', version=17, domain='ai.onnx.ml', place=place)
        numbers = [3, -1, 7, 3, 7, 7] if not zeros else [3, -1, 8, 0, 7, 7]
        if kind != I64:
            numbers = [x + 0.75 if x >= 0 else x for x in numbers]
        result.input('x', [2, 3], kind, numbers)
        result.node('ai.onnx.ml:OneHotEncoder', 'x', 'y', cats_int64s=[7, 3, -1], zeros=zeros)
        result.outputs = 'y'
    texts = Case('one-hot-texts', version=17, domain='ai.onnx.ml', domain_version=2, place='host')
    texts.input('x', [2, 3], I64, [1, 2, 3, 1, 1, 2])
    texts.node('ai.onnx.ml:LabelEncoder', 'x', 't', keys_int64s=[1, 2], values_strings=['one', 'two'])
    texts.node('ai.onnx.ml:OneHotEncoder', 't', 'y', cats_strings=['two', 'none', 'one'])
    texts.outputs = 'y'


def machines():
    for kernel in ('LINEAR', 'POLY', 'RBF', 'SIGMOID'):
        case(f'machine-{kernel.lower()}', 'SVMRegressor', kernel_type=kernel, n_supports=7,
             kernel_params=(0.25, 0.5, 3.0), coefficients=tuple(some([7])), rho=(0.125,),
             support_vectors=tuple(some([28])))
    # Attributes that have defaults, and ONNX Runtime asks for.
    case('machine-features', 'SVMRegressor', kernel_type='LINEAR', n_supports=0, kernel_params=(1.0, 0.0, 3.0),
         coefficients=tuple(some([4])), rho=(-0.25,))
    case('machine-one-class', 'SVMRegressor', kernel_type='RBF', n_supports=7, one_class=1,
         kernel_params=(0.5, 0.0, 3.0), coefficients=tuple(some([7], middle=0.5)), rho=(-1.5,),
         support_vectors=tuple(some([28])))
    case('machine-transform', 'SVMRegressor', refused='its post_transform', post_transform='LOGISTIC',
         coefficients=tuple(some([4])), rho=(-0.25,))


# ---- Forests ----

def below(count):
    return int((random.number() + 1) / 2 * count) % count


class Forest:
    """Random trees. Each leaf has numbers for each of `ids`, or (`one_each`) for one of them."""

    def __init__(self, what, ids, trees=4, depth=4, modes=('BRANCH_LEQ',), one_each=False, scale=1.0,
                 middle=0.0, missing=False):
        self.what, self.modes, self.one_each = what, modes, one_each
        self.ids, self.scale, self.middle = ids, scale, middle
        self.columns = {key: [] for key in ('treeids', 'nodeids', 'featureids', 'modes', 'values',
                                            'truenodeids', 'falsenodeids', 'missing')}
        self.votes = []
        for tree in range(trees):
            self.next = 0
            self.grow(tree, depth if tree else 0)   # the first one is only a leaf
        self.missing = missing

    def add(self, *row):
        for column, contents in zip(self.columns.values(), row):
            column.append(contents)

    def grow(self, tree, depth):
        number = self.next
        self.next += 1
        if not depth or not below(5):
            self.add(tree, number, 0, 'LEAF', 0.0, 0, 0, 0)
            for i in [self.ids[below(len(self.ids))]] if self.one_each else self.ids:
                self.votes.append((tree, number, i, random.numbers(1, self.scale, self.middle)[0]))
            return number
        place = len(self.columns['modes'])
        # Features have a half as a value often, so that it matters whether a mode is strict.
        split = 0.5 if not below(3) else random.number()
        self.add(tree, number, below(FEATURES), self.modes[below(len(self.modes))], split, 0, 0, below(2))
        self.columns['falsenodeids'][place] = self.grow(tree, depth - 1)
        self.columns['truenodeids'][place] = self.grow(tree, depth - 1)
        return number

    def attributes(self, tensors=False):
        numbers = {'nodes_values': self.columns['values'],
                   f'{self.what}_weights': [vote[3] for vote in self.votes]}
        lists = {f'nodes_{key}': self.columns[key] for key in (
            'treeids', 'nodeids', 'featureids', 'modes', 'truenodeids', 'falsenodeids')}
        for i, key in enumerate(('treeids', 'nodeids', 'ids')):
            lists[f'{self.what}_{key}'] = [vote[i] for vote in self.votes]
        for key, column in numbers.items():
            if tensors:
                lists[f'{key}_as_tensor'] = (tensor('', [len(column)], struct.pack(
                    f'<{len(column)}d', *column), kind=F64),)
            else:
                lists[key] = tuple(column)
        if self.missing:
            lists['nodes_missing_value_tracks_true'] = self.columns['missing']
        return lists


def rows(kind=F32, missing=False):
    numbers = [0.5 if not below(6) else x for x in some([ROWS * FEATURES])]
    if missing:
        numbers = [float('nan') if not below(6) else x for x in numbers]
    if kind in (I32, I64):
        numbers = [int(x * 3) for x in numbers]
    return numbers


def trees(name, kind, what, ids, outputs, version=3, tolerance=1e-5,
          tensors=False, input_kind=F32, forest=(), shown=None, **attributes):
    grown = Forest(what, ids, **dict(forest))
    lists = grown.attributes(tensors)
    result = Case(name, tolerance, version=17, domain='ai.onnx.ml', domain_version=version,
                  place='host')
    result.input('x', [ROWS, FEATURES], input_kind, rows(input_kind, grown.missing))
    result.node(f'ai.onnx.ml:{kind}', 'x', outputs, **lists, **attributes)
    result.outputs = shown or outputs


def regressor(name, targets=1, **options):
    trees(name, 'TreeEnsembleRegressor', 'target', list(range(targets)), 'y', n_targets=targets, **options)


def classifier(name, classes, ids=None, **options):
    if 'classlabels_strings' not in options:
        options['classlabels_int64s'] = [(7 * i + 3) % 10 for i in range(classes)]
    trees(name, 'TreeEnsembleClassifier', 'class', ids or list(range(classes)), 'y z', **options)


MODES = ('BRANCH_LEQ', 'BRANCH_LT', 'BRANCH_GTE', 'BRANCH_GT', 'BRANCH_EQ', 'BRANCH_NEQ')
PROBABLE = (('scale', 0.1), ('middle', 0.12))


def forests():
    for how in ('SUM', 'AVERAGE', 'MIN', 'MAX'):
        regressor(f'trees-{how.lower()}', aggregate_function=how, base_values=(0.25,))
        regressor(f'trees-{how.lower()}-3', 3, aggregate_function=how, base_values=(0.25, -1.0, 0.5),
                  version=1)
    for mode in MODES:
        regressor(f'trees-{mode.lower()}', 2, forest=(('modes', (mode,)), ('missing', True)))
    regressor('trees-modes', 3, forest=(('modes', MODES), ('missing', True), ('trees', 20), ('depth', 8)))
    regressor('trees-nan', 2, forest=(('modes', MODES),))
    regressor('trees-one-each', 3, forest=(('one_each', True),))
    regressor('trees-f64', 2, tensors=True, input_kind=F64)
    classifier('classes-i64', 3, input_kind=I64)
    classifier('classes-i32', 3, input_kind=I32)
    for transform in ('NONE', 'SOFTMAX', 'LOGISTIC', 'SOFTMAX_ZERO', 'PROBIT'):
        name = transform.lower()
        # ONNX Runtime's own inverse of the normal distribution is good to a thousandth.
        options = {'post_transform': transform, 'tolerance': 2e-3 if transform == 'PROBIT' else 1e-5,
                   'forest': PROBABLE if transform == 'PROBIT' else ()}
        regressor(f'trees-{name}', 3, **options)
        classifier(f'classes-{name}', 4, **options)
        # What ONNX Runtime takes for the label of two scores is 0 or 1, whatever the labels are.
        classifier(f'classes-two-{name}', 2, shown='z', **options)
    two_classes()
    classifier('classes-texts', 3, classlabels_strings=['a', 'bc', ''], version=1)
    classifier('classes-base', 3, base_values=(0.5, -0.25, 0.0))
    classifier('classes-one-each', 4, forest=(('one_each', True), ('trees', 3), ('middle', 3.0)))
    classifier('classes-xgboost', 3, forest=(('one_each', True), ('modes', ('BRANCH_LT',)), ('trees', 12),
               ('missing', True)), post_transform='SOFTMAX')
    classifier('classes-f64', 3, tensors=True, input_kind=F64)
    classifier('classes-single', 1, shown='z')


def two_classes():
    """Leaves know one of them. (What ONNX Runtime does else it does without the transform.)"""
    classifier('classes-one', 2, ids=[0])
    classifier('classes-one-positive', 2, ids=[0], forest=PROBABLE)
    classifier('classes-one-logistic', 2, ids=[0], post_transform='LOGISTIC')
    classifier('classes-one-texts', 2, ids=[0], classlabels_strings=['no', 'yes'], version=1)
    classifier('classes-one-base', 2, ids=[0], base_values=(0.5,))
    classifier('classes-second', 2, ids=[1])
    classifier('classes-second-positive', 2, ids=[1], forest=PROBABLE)
    classifier('classes-second-logistic', 2, ids=[1], post_transform='LOGISTIC')


def main():
    if len(sys.argv) != 2:
        print('usage: classic_file.py FOLDER', file=sys.stderr)
        return 2
    classic()
    encoders()
    machines()
    forests()
    write_cases(sys.argv[1])
    return 0


if __name__ == '__main__':
    sys.exit(main())
