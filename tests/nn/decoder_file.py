#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""Small language models in the forms in which frameworks export real ones.

  tests/nn/decoder_file.py qwen2|qwen3|operators|genai [WEIGHTS] >FILE

  qwen2      grouped heads, biases of the projections; the graph is the one that tracing
             transformers' Qwen2 leaves: normalisation, rotation and attention in pieces, the mask
             put together from ranges and scattered back into itself
  qwen3      the same with heads that are normalised
  operators  the same network by ONNX's own operators of version 23: RMSNormalization,
             RotaryEmbedding, Attention
  genai      the same as ONNX Runtime's tools write it for a processor: GroupQueryAttention,
             SkipSimplifiedLayerNormalization, and weights of 4 bits, by MatMulNBits

All have the inputs and outputs that optimum gives them: input_ids, attention_mask, position_ids
and past_key_values.N.key and .value; logits, present.N.key and .value. The embedding is also the
last layer's weights. The numbers come from a generator with a fixed seed, so that the file
is always the same, or from a file of float32 numbers that somebody has trained
(libaccel/examples/writer/learn.c).
"""

import math
import struct
import sys

from onnx_file import field, fields, floats, ints, node, tensor, value_info

LAYERS, HIDDEN, HEADS, KV_HEADS, HEAD, MIDDLE, VOCABULARY = 2, 64, 4, 2, 16, 96, 128
EPSILON, BASE = 1e-6, 10000.0
LOWEST = -3.4028234663852886e+38
F32, I32, I64, BOOL = 1, 6, 7, 9


class Random:
    """Numbers that are the same with each version of Python."""

    def __init__(self, seed):
        self.state = seed

    def number(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        return (self.state >> 40) / (1 << 23) - 1

    def numbers(self, count, scale, middle):
        return [middle + self.number() * scale for _ in range(count)]


class Trained:
    """Numbers of a file, in the order in which they are asked for."""

    def __init__(self, path):
        with open(path, 'rb') as file:
            self.rest = file.read()

    def numbers(self, count, _scale, _middle):
        numbers, self.rest = self.rest[:4 * count], self.rest[4 * count:]
        return struct.unpack(f'<{count}f', numbers)


class Graph:
    """Nodes and weights, with names as exporters give them."""

    def __init__(self, source):
        self.nodes, self.tensors, self.names, self.constants = [], [], {}, {}
        self.source = source

    def op(self, scope, kind, *inputs, output=None, **attributes):
        """A node: its first output's name. Numbers among the inputs are constants."""
        name = f"{scope}/{kind.rpartition(':')[2]}"
        count = self.names[name] = self.names.get(name, -1) + 1
        name += f'_{count}' if count else ''
        output = output or f'{name}_output_0'
        inputs = ' '.join(i if isinstance(i, str) else self.constant(i) for i in inputs)
        self.nodes.append(node(kind, inputs, output, name=name, **attributes))
        return output.split()[0]

    def constant(self, contents):
        """An integer, integers (a list), or a float."""
        if repr(contents) in self.constants:
            return self.constants[repr(contents)]
        name = self.constants[repr(contents)] = f'onnx::Constant_{len(self.constants)}'
        if isinstance(contents, list):
            self.tensors.append(ints(name, *contents))
        elif isinstance(contents, int):
            self.tensors.append(tensor(name, [], struct.pack('<q', contents), kind=I64))
        else:
            self.tensors.append(floats(name, [], contents))
        return name

    def weights(self, name, *sizes, scale=None, middle=0.0):
        numbers = self.source.numbers(math.prod(sizes), scale or 1.7 / math.sqrt(sizes[0]), middle)
        self.tensors.append(floats(name, sizes, *numbers))
        return name

    def size(self, scope, value, dimension):
        return self.op(scope, 'Gather', self.op(scope, 'Shape', value), dimension, axis=0)

    def sizes(self, scope, *parts):
        """A shape of sizes that are computed (names), and numbers."""
        return self.op(scope, 'Concat', *[[p] if isinstance(p, int) else
                                          self.op(scope, 'Unsqueeze', p, [0]) for p in parts],
                       axis=0)

    def linear(self, scope, x, rows, columns, bias=False):
        prefix = scope.strip('/').replace('/', '.')
        y = self.op(scope, 'MatMul', x, self.weights(f'{prefix}.weight', rows, columns))
        if bias:
            y = self.op(scope, 'Add', self.weights(f'{prefix}.bias', columns, scale=0.2), y)
        return y


class Traced:
    """A network in pieces."""

    version = 17

    def __init__(self, g, biases, head_norms):
        self.g, self.biases, self.head_norms = g, biases, head_norms
        self.batch = g.size('/model', 'input_ids', 0)
        self.length = g.size('/model', 'input_ids', 1)
        self.all = g.size('/model', 'attention_mask', 1)
        self.cos, self.sin = self.angles('/model/rotary_emb')
        self.mask = self.make_mask('/model')

    def angles(self, s):
        g = self.g
        g.tensors.append(floats('model.rotary_emb.inv_freq', [1, HEAD // 2, 1],
                                *(BASE ** (-2 * i / HEAD) for i in range(HEAD // 2))))
        frequencies = g.op(s, 'Expand', 'model.rotary_emb.inv_freq', g.sizes(s, self.batch, HEAD // 2, 1))
        places = g.op(s, 'Cast', g.op(s, 'Unsqueeze', 'position_ids', [1]), to=F32)
        x = g.op(s, 'Transpose', g.op(s, 'MatMul', frequencies, places), perm=[0, 2, 1])
        x = g.op(s, 'Concat', x, x, axis=-1)
        return [g.op(s, 'Unsqueeze', g.op(s, 'Mul', g.op(s, kind, x), 1.0), [1])
                for kind in ('Cos', 'Sin')]

    def make_mask(self, s):
        g = self.g
        past = g.size(s, 'past_key_values.0.key', 2)
        places = g.op(s, 'Range', past, g.op(s, 'Add', past, self.length), 1)
        lowest = g.op(s, 'ConstantOfShape', g.sizes(s, self.length, self.all),
                      value=(floats('', [1], LOWEST),))
        above = g.op(s, 'Trilu', lowest, 1, upper=1)
        later = g.op(s, 'Greater', g.op(s, 'Range', 0, self.all, 1),
                     g.op(s, 'Reshape', places, [-1, 1]))
        mask = g.op(s, 'Mul', above, g.op(s, 'Cast', later, to=F32))
        mask = g.op(s, 'Unsqueeze', g.op(s, 'Unsqueeze', mask, [0]), [1])
        mask = g.op(s, 'Expand', mask, g.sizes(s, self.batch, 1, self.length, self.all))
        part = g.op(s, 'Slice', mask, [0], g.op(s, 'Unsqueeze', self.all, [0]), [3], [1])
        given = g.op(s, 'Unsqueeze', g.op(s, 'Unsqueeze', 'attention_mask', [1]), [2])
        absent = g.op(s, 'Equal', g.op(s, 'Add', part, g.op(s, 'Cast', given, to=F32)), 0.0)
        part = g.op(s, 'Where', absent, LOWEST, part)
        return self.scatter(s, mask, part)

    def scatter(self, s, whole, part):
        """whole[:, :, :, :size of part] = part"""
        g = self.g
        shape = g.op(s, 'Shape', part)
        places = []
        for d in range(4):
            place = g.op(s, 'Range', 0, g.op(s, 'Gather', shape, d, axis=0), 1)
            place = g.op(s, 'Reshape', place, [-1] + [1] * (3 - d))
            places.append(g.op(s, 'Unsqueeze', g.op(s, 'Expand', place, shape), [-1]))
        return g.op(s, 'ScatterND', whole, g.op(s, 'Concat', *places, axis=-1), part)

    def norm(self, s, x, size):
        g = self.g
        mean = g.op(s, 'ReduceMean', g.op(s, 'Pow', x, 2.0), axes=[-1], keepdims=1)
        root = g.op(s, 'Sqrt', g.op(s, 'Add', mean, EPSILON))
        x = g.op(s, 'Mul', x, g.op(s, 'Div', 1.0, root))
        return g.op(s, 'Mul', g.weights(f"{s.strip('/').replace('/', '.')}.weight", size,
                                        scale=0.3, middle=1.0), x)

    def heads(self, s, x, name, count, rotated):
        g = self.g
        x = g.linear(f'{s}/{name}_proj', x, HIDDEN, count * HEAD, self.biases)
        x = g.op(s, 'Reshape', x, g.sizes(s, self.batch, self.length, -1, HEAD))
        if rotated and self.head_norms:
            x = self.norm(f'{s}/{name}_norm', x, HEAD)
        x = g.op(s, 'Transpose', x, perm=[0, 2, 1, 3])
        return self.rotate(s, x) if rotated else x

    def rotate(self, s, x):
        g = self.g
        half = g.op(s, 'Unsqueeze', g.op(s, 'Div', g.size(s, x, 3), 2), [0])
        low = g.op(s, 'Slice', x, [0], half, [3], [1])
        high = g.op(s, 'Slice', x, half, [(1 << 63) - 1], [3], [1])
        turned = g.op(s, 'Concat', g.op(s, 'Neg', high), low, axis=-1)
        return g.op(s, 'Add', g.op(s, 'Mul', x, self.cos), g.op(s, 'Mul', turned, self.sin))

    def repeat(self, s, x):
        """Each head of keys or values for all the heads of queries that share it."""
        g = self.g
        length = g.size(s, x, 2)
        x = g.op(s, 'Unsqueeze', x, [2])
        wanted = g.sizes(s, self.batch, KV_HEADS, HEADS // KV_HEADS, length, HEAD)
        shape = g.op(s, 'Where', g.op(s, 'Equal', wanted, [-1] * 5), [1] * 5, wanted)
        x = g.op(s, 'Expand', x, shape)
        return g.op(s, 'Reshape', x, g.sizes(s, self.batch, HEADS, length, HEAD))

    def attention(self, s, x, layer):
        g = self.g
        q = self.heads(s, x, 'q', HEADS, True)
        k = self.heads(s, x, 'k', KV_HEADS, True)
        v = self.heads(s, x, 'v', KV_HEADS, False)
        past = f'past_key_values.{layer}'
        k = g.op(s, 'Concat', f'{past}.key', k, axis=-2, output=f'present.{layer}.key')
        v = g.op(s, 'Concat', f'{past}.value', v, axis=-2, output=f'present.{layer}.value')
        k, v = self.repeat(s, k), self.repeat(s, v)
        mask = g.op(s, 'Slice', self.mask, [0], g.op(s, 'Unsqueeze', g.size(s, k, 2), [0]), [3], [1])
        scale = HEAD ** -0.25
        k = g.op(s, 'Mul', g.op(s, 'Transpose', k, perm=[0, 1, 3, 2]), scale)
        scores = g.op(s, 'Add', g.op(s, 'MatMul', g.op(s, 'Mul', q, scale), k), mask)
        x = g.op(s, 'MatMul', g.op(s, 'Softmax', scores, axis=-1), v)
        x = g.op(s, 'Transpose', x, perm=[0, 2, 1, 3])
        x = g.op(s, 'Reshape', x, g.sizes(s, self.batch, self.length, -1))
        return g.linear(f'{s}/o_proj', x, HEADS * HEAD, HIDDEN)

    def gated(self, s, x):
        g = self.g
        gate = g.linear(f'{s}/gate_proj', x, HIDDEN, MIDDLE)
        gate = g.op(f'{s}/act_fn', 'Mul', gate, g.op(f'{s}/act_fn', 'Sigmoid', gate))
        x = g.op(s, 'Mul', gate, g.linear(f'{s}/up_proj', x, HIDDEN, MIDDLE))
        return g.linear(f'{s}/down_proj', x, MIDDLE, HIDDEN)


class ByOperators(Traced):
    """The same by operators that mean the pieces."""

    version = 23

    def angles(self, s):
        """Tables, of which the operator takes what the positions say."""
        places = range(256)
        angle = [[p * BASE ** (-2 * i / HEAD) for i in range(HEAD // 2)] for p in places]
        for name, function in (('cos', math.cos), ('sin', math.sin)):
            self.g.tensors.append(floats(f'{name}_cache', [len(places), HEAD // 2],
                                         *(function(x) for row in angle for x in row)))
        return 'cos_cache', 'sin_cache'

    def make_mask(self, s):
        """What may be looked at, of all that there is."""
        g = self.g
        given = g.op(s, 'Unsqueeze', g.op(s, 'Cast', 'attention_mask', to=BOOL), [1, 2])
        return g.op(s, 'Expand', given, g.sizes(s, self.batch, 1, self.length, self.all))

    def norm(self, s, x, size):
        weight = self.g.weights(f"{s.strip('/').replace('/', '.')}.weight", size, scale=0.3,
                                middle=1.0)
        return self.g.op(s, 'RMSNormalization', x, weight, axis=-1, epsilon=EPSILON)

    def rotate(self, s, x):
        return self.g.op(s, 'RotaryEmbedding', x, self.cos, self.sin, 'position_ids')

    def attention(self, s, x, layer):
        g = self.g
        q = self.heads(s, x, 'q', HEADS, True)
        k = self.heads(s, x, 'k', KV_HEADS, True)
        v = self.heads(s, x, 'v', KV_HEADS, False)
        past, now = f'past_key_values.{layer}', f'present.{layer}'
        x = g.op(s, 'Attention', q, k, v, self.mask, f'{past}.key', f'{past}.value', is_causal=1,
                 output=f'{s}/y {now}.key {now}.value')
        x = g.op(s, 'Transpose', x, perm=[0, 2, 1, 3])
        x = g.op(s, 'Reshape', x, g.sizes(s, self.batch, self.length, -1))
        return g.linear(f'{s}/o_proj', x, HEADS * HEAD, HIDDEN)


class ByRuntime(ByOperators):
    """The same by ONNX Runtime's operators. Positions follow from the mask, which hides nothing."""

    version, domain, block = 21, 'com.microsoft:', 32

    def __init__(self, g, biases, head_norms):
        self.skipped = None
        super().__init__(g, biases, head_norms)

    def make_mask(self, s):
        """Lengths of the texts, and of the longest."""
        g = self.g
        last = g.op(s, 'Sub', g.op(s, 'ReduceSum', 'attention_mask', [1], keepdims=0), 1)
        return g.op(s, 'Cast', last, to=I32), g.op(s, 'Cast', self.all, to=I32)

    def norm(self, s, x, size):
        weight = self.g.weights(f"{s.strip('/').replace('/', '.')}.weight", size, scale=0.3,
                                middle=1.0)
        return self.g.op(s, 'SimplifiedLayerNormalization', x, weight, axis=-1, epsilon=EPSILON)

    def skip_norm(self, s, x, y):
        """The sum of both, and that normalised."""
        name = f"{s.strip('/').replace('/', '.')}.weight"
        weight = self.g.weights(name, HIDDEN, scale=0.3, middle=1.0)
        normal = self.g.op(s, self.domain + 'SkipSimplifiedLayerNormalization', x, y, weight,
                           epsilon=EPSILON, output=f'{s}/output_0 - - {s}/output_3')
        return f'{s}/output_3', normal

    def linear(self, s, x, rows, columns):
        """Weights of 4 bits: blocks along the rows of what is multiplied, with scales."""
        g = self.g
        prefix = s.strip('/').replace('/', '.')
        numbers = g.source.numbers(rows * columns, 1.7 / math.sqrt(rows), 0.0)
        packed, scales = bytearray(), []
        for start in range(0, rows * columns, self.block):
            part = numbers[start:start + self.block]
            scale = max(map(abs, part)) / 7
            scales.append(scale)
            quantised = [round(x / scale) + 8 for x in part]
            packed += bytes(low | high << 4 for low, high in zip(quantised[::2], quantised[1::2]))
        blocks = rows // self.block
        g.tensors.append(tensor(f'{prefix}.qweight', [columns, blocks, self.block // 2], bytes(packed),
                                kind=2))
        g.tensors.append(floats(f'{prefix}.scales', [columns * blocks], *scales))
        return g.op(s, self.domain + 'MatMulNBits', x, f'{prefix}.qweight', f'{prefix}.scales', N=columns,
                    K=rows, bits=4, block_size=self.block)

    def heads(self, s, x, name, count, rotated):
        g = self.g
        x = self.linear(f'{s}/{name}_proj', x, HIDDEN, count * HEAD)
        if not rotated:
            return x
        y = self.norm(f'{s}/{name}_norm', g.op(s, 'Reshape', x, [0, -1, count, HEAD]), HEAD)
        return g.op(s, 'Reshape', y, [0, -1, count * HEAD])

    def attention(self, s, x, layer):
        past, now = f'past_key_values.{layer}', f'present.{layer}'
        x = self.g.op(s, self.domain + 'GroupQueryAttention', self.heads(s, x, 'q', HEADS, True),
                      self.heads(s, x, 'k', KV_HEADS, True), self.heads(s, x, 'v', KV_HEADS, False),
                      f'{past}.key', f'{past}.value', *self.mask, self.cos, self.sin,
                      num_heads=HEADS, kv_num_heads=KV_HEADS, do_rotary=1, rotary_interleaved=0,
                      output=f'{s}/y {now}.key {now}.value')
        return self.linear(f'{s}/o_proj', x, HEADS * HEAD, HIDDEN)

    def gated(self, s, x):
        g = self.g
        gate = self.linear(f'{s}/gate_proj', x, HIDDEN, MIDDLE)
        gate = g.op(f'{s}/act_fn', 'Mul', gate, g.op(f'{s}/act_fn', 'Sigmoid', gate))
        x = g.op(s, 'Mul', gate, self.linear(f'{s}/up_proj', x, HIDDEN, MIDDLE))
        return self.linear(f'{s}/down_proj', x, MIDDLE, HIDDEN)


def runtime_decoder(source, network, biases, head_norms):
    """Each sum is normalised where it is made, that behind a layer by the next one."""
    g = Graph(source)
    g.weights('model.embed_tokens.weight', VOCABULARY, HIDDEN, scale=1.0)
    x = g.op('/model/embed_tokens', 'Gather', 'model.embed_tokens.weight', 'input_ids')
    net = network(g, biases, head_norms)
    y = net.norm('/model/layers.0/input_layernorm', x, HIDDEN)
    for layer in range(LAYERS):
        s = f'/model/layers.{layer}'
        x, y = net.skip_norm(f'{s}/post_attention_layernorm', x,
                             net.attention(f'{s}/self_attn', y, layer))
        behind = f'/model/layers.{layer + 1}/input_layernorm' if layer + 1 < LAYERS else '/model/norm'
        x, y = net.skip_norm(behind, x, net.gated(f'{s}/mlp', y))
    y = net.linear('/lm_head', y, HIDDEN, VOCABULARY)
    g.op('/lm_head', 'Identity', y, output='logits')
    return pack(g, net.version, 'com.microsoft')


def decoder(source, network, biases, head_norms):
    g = Graph(source)
    g.weights('model.embed_tokens.weight', VOCABULARY, HIDDEN, scale=1.0)
    x = g.op('/model/embed_tokens', 'Gather', 'model.embed_tokens.weight', 'input_ids')
    net = network(g, biases, head_norms)
    for layer in range(LAYERS):
        s = f'/model/layers.{layer}'
        y = net.attention(f'{s}/self_attn', net.norm(f'{s}/input_layernorm', x, HIDDEN), layer)
        x = g.op(s, 'Add', x, y)
        y = net.gated(f'{s}/mlp', net.norm(f'{s}/post_attention_layernorm', x, HIDDEN))
        x = g.op(s, 'Add', x, y)
    x = net.norm('/model/norm', x, HIDDEN)
    last = g.op('/lm_head', 'Transpose', 'model.embed_tokens.weight', perm=[1, 0])
    g.op('/lm_head', 'MatMul', x, last, output='logits')
    return pack(g, net.version)


def pack(g, version, domain=None):
    past = ['batch_size', KV_HEADS, 'past_sequence_length', HEAD]
    inputs = [value_info('input_ids', ['batch_size', 'sequence_length'], I64),
              value_info('attention_mask', ['batch_size', 'total_sequence_length'], I64),
              value_info('position_ids', ['batch_size', 'sequence_length'], I64)]
    outputs = [value_info('logits', ['batch_size', 'sequence_length', VOCABULARY])]
    for layer in range(LAYERS):
        for part in ('key', 'value'):
            inputs.append(value_info(f'past_key_values.{layer}.{part}', past))
            outputs.append(value_info(f'present.{layer}.{part}',
                                      past[:2] + ['total_sequence_length', HEAD]))
    graph = fields(*[(1, n) for n in g.nodes], (2, 'main_graph'), *[(5, t) for t in g.tensors],
                   *[(11, i) for i in inputs], *[(12, o) for o in outputs])
    return fields((1, 10), (2, 'decoder_file.py'), (7, graph), (8, field(2, version)),
                  *([(8, fields((1, domain), (2, 1)))] if domain else []))


def main():
    makers = {'qwen2': (Traced, True, False), 'qwen3': (Traced, False, True),
              'operators': (ByOperators, False, True), 'genai': (ByRuntime, False, True)}
    if len(sys.argv) not in (2, 3) or sys.argv[1] not in makers:
        print(f'usage: decoder_file.py {"|".join(makers)} [WEIGHTS]', file=sys.stderr)
        return 2
    source = Trained(sys.argv[2]) if len(sys.argv) == 3 else Random(20260101)
    write = runtime_decoder if sys.argv[1] == 'genai' else decoder
    sys.stdout.buffer.write(write(source, *makers[sys.argv[1]]))
    return 0


if __name__ == '__main__':
    sys.exit(main())
