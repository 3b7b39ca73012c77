#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""Models of operators of classic analytics.

  tests/nn/classic_file.py FOLDER

writes the same files and lines as microsoft_file.py, which has all but the models.
"""

import sys

from microsoft_file import Case, I64, some, write_cases


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
    case('largest', 'Normalizer', refused='another norm than L1 and L2', norm='MAX')


def main():
    if len(sys.argv) != 2:
        print('usage: classic_file.py FOLDER', file=sys.stderr)
        return 2
    classic()
    write_cases(sys.argv[1])
    return 0


if __name__ == '__main__':
    sys.exit(main())
