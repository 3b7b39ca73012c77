// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Train the model of the demonstration "writer": a small language model with the architecture of
 * Qwen2 (RMS normalisation, rotary positions, heads that share keys, a gated MLP, an embedding
 * that is also the last layer), which reads bytes, and learns one short text by heart. On the
 * host, in some seconds.
 *
 *   learn TEXT WEIGHTS
 *
 * writes all weights as float32, in the order of struct model. tests/nn/decoder_file.py makes a
 * model file of them; the sizes below are those there. The mathematics is written out, forward and
 * backward, one function for each kind of layer.
 */
#include <err.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS = 2, HIDDEN = 64, HEADS = 4, KV_HEADS = 2, HEAD = 16, MIDDLE = 96, BYTES = 128 };
enum { SHARE = HEADS / KV_HEADS, KV = KV_HEADS * HEAD, HALF = HEAD / 2 };

#define EPSILON		1e-6f
#define BASE		10000.0

#define PLACES		96	/* of a piece of the text that is learnt at a time */
#define PIECES		3	/* to a step */
#define STEPS_MAX	2000
#define RATE		4e-3f
#define WARM_UP		40	/* steps */
#define GOOD		0.12f	/* mean loss: nobody knows how a piece goes on after a letter or two */

/* ---- Weights ---- */

struct layer {
	float *norm, *q, *q_bias, *k, *k_bias, *v, *v_bias, *o, *norm2, *gate, *up, *down;
};

struct model {
	float *embed;
	struct layer layers[LAYERS];
	float *norm;
};

static float *cut(float **memory, size_t count)
{
	float *part = *memory;

	*memory += count;
	return part;
}

/* Give all parts their places in one block, in the order of the file: how many numbers they are. */
static size_t lay_out(struct model *m, float *memory)
{
	float *at = memory;
	int i;

	m->embed = cut(&at, BYTES * HIDDEN);
	for (i = 0; i < LAYERS; i++) {
		struct layer *l = &m->layers[i];

		l->norm = cut(&at, HIDDEN);
		l->q = cut(&at, HIDDEN * HIDDEN);
		l->q_bias = cut(&at, HIDDEN);
		l->k = cut(&at, HIDDEN * KV);
		l->k_bias = cut(&at, KV);
		l->v = cut(&at, HIDDEN * KV);
		l->v_bias = cut(&at, KV);
		l->o = cut(&at, HIDDEN * HIDDEN);
		l->norm2 = cut(&at, HIDDEN);
		l->gate = cut(&at, HIDDEN * MIDDLE);
		l->up = cut(&at, HIDDEN * MIDDLE);
		l->down = cut(&at, MIDDLE * HIDDEN);
	}
	m->norm = cut(&at, HIDDEN);
	return (size_t)(at - memory);
}

/* The same numbers on every machine. */
static float any(void)
{
	static uint64_t state = 20260101;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (float)(state >> 40) / (1 << 23) - 1;
}

static void fill(float *w, size_t count, float scale)
{
	while (count--)
		*w++ = any() * scale;
}

static void set_ones(float *w)
{
	int i;

	for (i = 0; i < HIDDEN; i++)
		w[i] = 1;
}

static void begin(struct model *m)
{
	const float scale = 0.2f;
	int i;

	fill(m->embed, BYTES * HIDDEN, scale);
	for (i = 0; i < LAYERS; i++) {
		struct layer *l = &m->layers[i];

		fill(l->q, HIDDEN * HIDDEN, scale);
		fill(l->k, HIDDEN * KV, scale);
		fill(l->v, HIDDEN * KV, scale);
		fill(l->o, HIDDEN * HIDDEN, scale / 2);
		fill(l->gate, HIDDEN * MIDDLE, scale);
		fill(l->up, HIDDEN * MIDDLE, scale);
		fill(l->down, MIDDLE * HIDDEN, scale / 2);
		set_ones(l->norm);
		set_ones(l->norm2);
	}
	set_ones(m->norm);
}

/* ---- Kinds of layers: forward; backward adds to the gradients ---- */

/* y = x * w + bias, for all places */
static void linear(float *y, const float *x, const float *w, const float *bias, int in, int out)
{
	int t, i, k;

	for (t = 0; t < PLACES; t++, y += out, x += in) {
		for (i = 0; i < out; i++)
			y[i] = bias ? bias[i] : 0;
		for (k = 0; k < in; k++)
			for (i = 0; i < out; i++)
				y[i] += x[k] * w[k * out + i];
	}
}

static void linear_back(float *dx, float *dw, float *dbias, const float *dy, const float *x,
			const float *w, int in, int out)
{
	int t, i, k;

	for (t = 0; t < PLACES; t++, dy += out, x += in, dx += in) {
		for (i = 0; i < out && dbias; i++)
			dbias[i] += dy[i];
		for (k = 0; k < in; k++) {
			float sum = 0;

			for (i = 0; i < out; i++) {
				sum += dy[i] * w[k * out + i];
				dw[k * out + i] += x[k] * dy[i];
			}
			dx[k] += sum;
		}
	}
}

static float root_of(const float *x)
{
	float sum = 0;
	int i;

	for (i = 0; i < HIDDEN; i++)
		sum += x[i] * x[i];
	return 1 / sqrtf(sum / HIDDEN + EPSILON);
}

static void normalise(float *y, const float *x, const float *w)
{
	int t, i;

	for (t = 0; t < PLACES; t++, x += HIDDEN, y += HIDDEN) {
		const float root = root_of(x);

		for (i = 0; i < HIDDEN; i++)
			y[i] = x[i] * root * w[i];
	}
}

static void normalise_back(float *dx, float *dw, const float *dy, const float *x, const float *w)
{
	int t, i;

	for (t = 0; t < PLACES; t++, x += HIDDEN, dx += HIDDEN, dy += HIDDEN) {
		const float root = root_of(x);
		float sum = 0;

		for (i = 0; i < HIDDEN; i++) {
			dw[i] += dy[i] * x[i] * root;
			sum += dy[i] * w[i] * x[i];
		}
		for (i = 0; i < HIDDEN; i++)
			dx[i] += root * (dy[i] * w[i] - x[i] * sum * root * root / HIDDEN);
	}
}

static float cosines[PLACES][HALF], sines[PLACES][HALF];

static void find_angles(void)
{
	int t, i;

	for (t = 0; t < PLACES; t++) {
		for (i = 0; i < HALF; i++) {
			const double angle = t * pow(BASE, -2.0 * i / HEAD);

			cosines[t][i] = (float)cos(angle);
			sines[t][i] = (float)sin(angle);
		}
	}
}

/* Turn the pairs of all heads by their places' angles; `sign` -1 turns back. */
static void rotate(float *x, int heads, float sign)
{
	int t, h, i;

	for (t = 0; t < PLACES; t++) {
		for (h = 0; h < heads; h++, x += HEAD) {
			for (i = 0; i < HALF; i++) {
				const float c = cosines[t][i], s = sign * sines[t][i];
				const float a = x[i], b = x[i + HALF];

				x[i] = a * c - b * s;
				x[i + HALF] = b * c + a * s;
			}
		}
	}
}

/* Weights of all places before one, and itself: p[0..t]. */
static void weigh(float *p, const float *q, const float *k, int t)
{
	float most = -INFINITY, sum = 0;
	int s, i;

	for (s = 0; s <= t; s++) {
		p[s] = 0;
		for (i = 0; i < HEAD; i++)
			p[s] += q[i] * k[s * KV + i];
		p[s] /= sqrtf(HEAD);
		most = fmaxf(most, p[s]);
	}
	for (s = 0; s <= t; s++) {
		p[s] = expf(p[s] - most);
		sum += p[s];
	}
	for (s = 0; s <= t; s++)
		p[s] /= sum;
}

static void attend(float *y, float *p, const float *q, const float *k, const float *v)
{
	int t, h, s, i;

	memset(y, 0, sizeof(float) * PLACES * HIDDEN);
	for (t = 0; t < PLACES; t++) {
		for (h = 0; h < HEADS; h++, p += PLACES) {
			const int at = t * HIDDEN + h * HEAD, shared = h / SHARE * HEAD;

			weigh(p, q + at, k + shared, t);
			for (s = 0; s <= t; s++)
				for (i = 0; i < HEAD; i++)
					y[at + i] += p[s] * v[s * KV + shared + i];
		}
	}
}

static void attend_back(float *dq, float *dk, float *dv, const float *dy, const float *p,
			const float *q, const float *k, const float *v)
{
	float dp[PLACES], sum;
	int t, h, s, i;

	for (t = 0; t < PLACES; t++) {
		for (h = 0; h < HEADS; h++, p += PLACES) {
			const int at = t * HIDDEN + h * HEAD, shared = h / SHARE * HEAD;

			for (s = 0, sum = 0; s <= t; s++) {
				dp[s] = 0;
				for (i = 0; i < HEAD; i++) {
					dp[s] += dy[at + i] * v[s * KV + shared + i];
					dv[s * KV + shared + i] += p[s] * dy[at + i];
				}
				sum += dp[s] * p[s];
			}
			for (s = 0; s <= t; s++) {
				const float d = p[s] * (dp[s] - sum) / sqrtf(HEAD);

				for (i = 0; i < HEAD; i++) {
					dq[at + i] += d * k[s * KV + shared + i];
					dk[s * KV + shared + i] += d * q[at + i];
				}
			}
		}
	}
}

/* y = silu(gate) * up */
static void pass_gate(float *y, const float *gate, const float *up)
{
	int i;

	for (i = 0; i < PLACES * MIDDLE; i++)
		y[i] = gate[i] / (1 + expf(-gate[i])) * up[i];
}

static void pass_gate_back(float *dgate, float *dup, const float *dy, const float *gate,
			   const float *up)
{
	int i;

	for (i = 0; i < PLACES * MIDDLE; i++) {
		const float open = 1 / (1 + expf(-gate[i]));

		dup[i] = dy[i] * gate[i] * open;
		dgate[i] = dy[i] * up[i] * open * (1 + gate[i] * (1 - open));
	}
}

/* ---- The network ---- */

/* What backward needs of forward, and room for what it makes. */
struct work {
	float in[LAYERS + 1][PLACES * HIDDEN], between[LAYERS][PLACES * HIDDEN];
	float norm[LAYERS][PLACES * HIDDEN], norm2[LAYERS][PLACES * HIDDEN], last[PLACES * HIDDEN];
	float q[LAYERS][PLACES * HIDDEN], k[LAYERS][PLACES * KV], v[LAYERS][PLACES * KV];
	float p[LAYERS][PLACES * HEADS * PLACES], seen[LAYERS][PLACES * HIDDEN];
	float gate[LAYERS][PLACES * MIDDLE], up[LAYERS][PLACES * MIDDLE];
	float gated[LAYERS][PLACES * MIDDLE];
	float dlogits[PLACES * BYTES];
	float dx[PLACES * HIDDEN], dy[PLACES * HIDDEN], dq[PLACES * HIDDEN];
	float dk[PLACES * KV], dv[PLACES * KV];
	float dgate[PLACES * MIDDLE], dup[PLACES * MIDDLE], dgated[PLACES * MIDDLE];
};

static void add(float *to, const float *x)
{
	int i;

	for (i = 0; i < PLACES * HIDDEN; i++)
		to[i] += x[i];
}

static void forward(const struct model *m, struct work *w, const uint8_t *text)
{
	int n, t;

	for (t = 0; t < PLACES; t++)
		memcpy(w->in[0] + t * HIDDEN, m->embed + text[t] * HIDDEN, HIDDEN * sizeof(float));
	for (n = 0; n < LAYERS; n++) {
		const struct layer *l = &m->layers[n];

		normalise(w->norm[n], w->in[n], l->norm);
		linear(w->q[n], w->norm[n], l->q, l->q_bias, HIDDEN, HIDDEN);
		linear(w->k[n], w->norm[n], l->k, l->k_bias, HIDDEN, KV);
		linear(w->v[n], w->norm[n], l->v, l->v_bias, HIDDEN, KV);
		rotate(w->q[n], HEADS, 1);
		rotate(w->k[n], KV_HEADS, 1);
		attend(w->seen[n], w->p[n], w->q[n], w->k[n], w->v[n]);
		linear(w->between[n], w->seen[n], l->o, NULL, HIDDEN, HIDDEN);
		add(w->between[n], w->in[n]);
		normalise(w->norm2[n], w->between[n], l->norm2);
		linear(w->gate[n], w->norm2[n], l->gate, NULL, HIDDEN, MIDDLE);
		linear(w->up[n], w->norm2[n], l->up, NULL, HIDDEN, MIDDLE);
		pass_gate(w->gated[n], w->gate[n], w->up[n]);
		linear(w->in[n + 1], w->gated[n], l->down, NULL, MIDDLE, HIDDEN);
		add(w->in[n + 1], w->between[n]);
	}
	normalise(w->last, w->in[LAYERS], m->norm);
}

/* The mean loss of what comes next at all places; its gradient by the logits. */
static float judge(const struct model *m, struct work *w, const uint8_t *text)
{
	float loss = 0;
	int t, b, i;

	for (t = 0; t < PLACES; t++) {
		float *p = w->dlogits + t * BYTES, most = -INFINITY, sum = 0;

		for (b = 0; b < BYTES; b++) {
			p[b] = 0;
			for (i = 0; i < HIDDEN; i++)
				p[b] += w->last[t * HIDDEN + i] * m->embed[b * HIDDEN + i];
			most = fmaxf(most, p[b]);
		}
		for (b = 0; b < BYTES; b++) {
			p[b] = expf(p[b] - most);
			sum += p[b];
		}
		for (b = 0; b < BYTES; b++)
			p[b] /= sum;
		loss -= logf(fmaxf(p[text[t + 1]], 1e-9f)) / PLACES;
		p[text[t + 1]] -= 1;
		for (b = 0; b < BYTES; b++)
			p[b] /= PLACES;
	}
	return loss;
}

static void judge_back(const struct model *m, const struct model *d, struct work *w)
{
	int t, b, i;

	memset(w->dy, 0, sizeof(w->dy));
	for (t = 0; t < PLACES; t++) {
		for (b = 0; b < BYTES; b++) {
			const float p = w->dlogits[t * BYTES + b];

			for (i = 0; i < HIDDEN; i++) {
				w->dy[t * HIDDEN + i] += p * m->embed[b * HIDDEN + i];
				d->embed[b * HIDDEN + i] += p * w->last[t * HIDDEN + i];
			}
		}
	}
}

/* From the gradient by a layer's result, w->dx, to that by what goes into it, in the same place. */
static void layer_back(const struct layer *l, const struct layer *d, struct work *w, int n)
{
	memset(w->dgated, 0, sizeof(w->dgated));
	linear_back(w->dgated, d->down, NULL, w->dx, w->gated[n], l->down, MIDDLE, HIDDEN);
	pass_gate_back(w->dgate, w->dup, w->dgated, w->gate[n], w->up[n]);
	memset(w->dy, 0, sizeof(w->dy));
	linear_back(w->dy, d->gate, NULL, w->dgate, w->norm2[n], l->gate, HIDDEN, MIDDLE);
	linear_back(w->dy, d->up, NULL, w->dup, w->norm2[n], l->up, HIDDEN, MIDDLE);
	normalise_back(w->dx, d->norm2, w->dy, w->between[n], l->norm2);

	memset(w->dy, 0, sizeof(w->dy));
	linear_back(w->dy, d->o, NULL, w->dx, w->seen[n], l->o, HIDDEN, HIDDEN);
	memset(w->dq, 0, sizeof(w->dq));
	memset(w->dk, 0, sizeof(w->dk));
	memset(w->dv, 0, sizeof(w->dv));
	attend_back(w->dq, w->dk, w->dv, w->dy, w->p[n], w->q[n], w->k[n], w->v[n]);
	rotate(w->dq, HEADS, -1);
	rotate(w->dk, KV_HEADS, -1);
	memset(w->dy, 0, sizeof(w->dy));
	linear_back(w->dy, d->q, d->q_bias, w->dq, w->norm[n], l->q, HIDDEN, HIDDEN);
	linear_back(w->dy, d->k, d->k_bias, w->dk, w->norm[n], l->k, HIDDEN, KV);
	linear_back(w->dy, d->v, d->v_bias, w->dv, w->norm[n], l->v, HIDDEN, KV);
	normalise_back(w->dx, d->norm, w->dy, w->in[n], l->norm);
}

static void backward(const struct model *m, const struct model *d, struct work *w,
		     const uint8_t *text)
{
	int n, t, i;

	judge_back(m, d, w);
	memset(w->dx, 0, sizeof(w->dx));
	normalise_back(w->dx, d->norm, w->dy, w->in[LAYERS], m->norm);
	for (n = LAYERS - 1; n >= 0; n--)
		layer_back(&m->layers[n], &d->layers[n], w, n);
	for (t = 0; t < PLACES; t++)
		for (i = 0; i < HIDDEN; i++)
			d->embed[text[t] * HIDDEN + i] += w->dx[t * HIDDEN + i];
}

/* ---- Learning ---- */

/* Adam. */
static void improve(float *weights, float *gradients, float *mean, float *square, size_t count,
		    int step)
{
	const float rate = RATE * (step < WARM_UP ? (float)(step + 1) / WARM_UP :
				   expf(-(float)step / 1000));
	const float a = 0.9f, b = 0.98f;
	size_t i;

	for (i = 0; i < count; i++) {
		const float g = gradients[i] / PIECES;

		mean[i] = a * mean[i] + (1 - a) * g;
		square[i] = b * square[i] + (1 - b) * g * g;
		weights[i] -= rate * mean[i] / (1 - powf(a, (float)(step + 1))) /
			      (sqrtf(square[i] / (1 - powf(b, (float)(step + 1)))) + 1e-8f);
		gradients[i] = 0;
	}
}

static float learn(struct model *m, struct model *d, float *memory, size_t count,
		   const uint8_t *text, size_t length)
{
	struct work *w = malloc(sizeof(*w));
	float loss = 0, recent = 10;
	int step, piece;

	if (!w)
		errx(1, "out of memory");
	for (step = 0; step < STEPS_MAX && recent > GOOD; step++) {
		for (piece = 0, loss = 0; piece < PIECES; piece++) {
			const double place = ((double)any() + 1) / 2 * (double)(length - PLACES);
			const uint8_t *from = text + (size_t)place;

			forward(m, w, from);
			loss += judge(m, w, from) / PIECES;
			backward(m, d, w, from);
		}
		improve(memory, memory + count, memory + 2 * count, memory + 3 * count, count, step);
		recent += (loss - recent) / 16;
	}
	printf("mean loss %.3f after %d steps\n", (double)recent, step);
	free(w);
	return recent;
}

static uint8_t *read_text(const char *path, size_t *length)
{
	FILE *file = fopen(path, "rb");
	uint8_t *text = calloc(1, 1 << 16);
	size_t i;

	if (!file || !text)
		err(1, "%s", path);
	*length = fread(text, 1, (1 << 16) - 1, file);
	fclose(file);
	for (i = 0; i < *length; i++)
		if (text[i] >= BYTES)
			errx(1, "%s: it is not plain ASCII", path);
	if (*length <= PLACES)
		errx(1, "%s: it is too short", path);
	return text;
}

int main(int argc, char **argv)
{
	struct model weights, gradients;
	const size_t count = lay_out(&weights, NULL);
	uint8_t *text;
	size_t length;
	float *memory;
	FILE *file;

	if (argc != 3)
		errx(2, "usage: learn TEXT WEIGHTS");
	text = read_text(argv[1], &length);
	/* Weights, gradients, and Adam's two means. */
	memory = calloc(4 * count, sizeof(*memory));
	if (!memory)
		errx(1, "out of memory");
	lay_out(&weights, memory);
	lay_out(&gradients, memory + count);
	begin(&weights);
	find_angles();
	if (!(learn(&weights, &gradients, memory, count, text, length) <= GOOD))
		errx(1, "the text was not learnt");
	file = fopen(argv[2], "wb");
	if (!file || fwrite(memory, sizeof(*memory), count, file) != count || fclose(file))
		err(1, "%s", argv[2]);
	free(memory);
	free(text);
	return 0;
}
