// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "args.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <egret/mmu.h>

#include "sim.h"

#define PAGE		4096u
/* A buffer larger than this cannot be meant. */
#define BUFFER_MAX	(UINT64_C(1) << 36)

enum kind { KIND_UNSIGNED, KIND_SIGNED, KIND_FLOAT };

static const struct type {
	const char *name;
	unsigned int size;
	enum kind kind;
	bool print_only;
} types[] = {
	{ "u8", 1, KIND_UNSIGNED, false }, { "s8", 1, KIND_SIGNED, false },
	{ "u16", 2, KIND_UNSIGNED, false }, { "s16", 2, KIND_SIGNED, false },
	{ "u32", 4, KIND_UNSIGNED, false }, { "s32", 4, KIND_SIGNED, false },
	{ "u64", 8, KIND_UNSIGNED, false }, { "s64", 8, KIND_SIGNED, false },
	{ "f32", 4, KIND_FLOAT, false }, { "f64", 8, KIND_FLOAT, false },
	{ "f16", 2, KIND_FLOAT, true }, { "bf16", 2, KIND_FLOAT, true },
};

static const struct type *find_type(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strlen(types[i].name) == length && !memcmp(types[i].name, name, length))
			return &types[i];
	return NULL;
}

/* ---- Values ------------------------------------------------------------------ */

static void append(struct args *args, struct arg *arg, const void *value, size_t size)
{
	size_t at = (args->size + size - 1) & ~(size - 1);

	if (at + size > sizeof(args->data))
		fail(SIM_USAGE, "the arguments take more than %u bytes", EGRET_ARGS_SIZE_MAX);
	memcpy(args->data + at, value, size);
	if (arg->offset == SIZE_MAX)
		arg->offset = at;
	args->size = at + size;
}

static void append_integer(struct args *args, struct arg *arg, const struct type *type,
			   const char *text, char **end)
{
	unsigned int bits = 8 * type->size;
	uint64_t value;
	bool fits;

	errno = 0;
	if (type->kind == KIND_SIGNED || *text == '-') {
		int64_t v = strtoll(text, end, 0);
		int64_t least = type->kind == KIND_SIGNED ? INT64_MIN >> (64 - bits) : 0;

		fits = v >= least && v <= INT64_MAX >> (64 - bits);
		value = (uint64_t)v;
	} else {
		value = strtoull(text, end, 0);
		fits = value <= UINT64_MAX >> (64 - bits);
	}
	if (errno || !fits)
		fail(SIM_USAGE, "argument %s: the value does not fit into %s", arg->text,
		     type->name);
	append(args, arg, &value, type->size);
}

static void append_float(struct args *args, struct arg *arg, const struct type *type,
			 const char *text, char **end)
{
	if (type->size == 4) {
		float f = strtof(text, end);

		append(args, arg, &f, sizeof(f));
	} else {
		double d = strtod(text, end);

		append(args, arg, &d, sizeof(d));
	}
}

static void parse_values(struct args *args, struct arg *arg, const struct type *type,
			 const char *text)
{
	for (;;) {
		char *end = (char *)text;

		if (type->kind == KIND_FLOAT)
			append_float(args, arg, type, text, &end);
		else
			append_integer(args, arg, type, text, &end);
		if (end == text || (*end && *end != ','))
			fail(SIM_USAGE, "argument %s: \"%s\" is no %s", arg->text, text,
			     type->name);
		if (!*end)
			return;
		text = end + 1;
	}
}

/* ---- Buffers ------------------------------------------------------------------- */

static uint64_t parse_size(const struct arg *arg, const char *text)
{
	unsigned long long size;
	char *end;

	errno = 0;
	size = strtoull(text, &end, 0);
	if (errno || end == text || *end || *text == '-' || !size || size > BUFFER_MAX)
		fail(SIM_USAGE, "argument %s: \"%s\" is no number of bytes", arg->text, text);
	return size;
}

static char *copy_text(const char *text, size_t length)
{
	char *copy = allocate(length + 1, 1);

	memcpy(copy, text, length);
	return copy;
}

static void parse_buffer(struct args *args, struct arg *arg, const char *kind, const char *rest,
			 struct machine *m, uint64_t *va)
{
	struct file contents = { NULL, 0 };
	const char *colon;

	arg->buffer = true;
	if (!strcmp(kind, "in") || !strcmp(kind, "inout")) {
		contents = file_read(rest);
		if (!contents.size)
			fail(SIM_INPUT, "argument %s: the file is empty", arg->text);
		arg->size = contents.size;
		arg->output = !strcmp(kind, "inout");
		if (arg->output)
			arg->file = copy_text(rest, strlen(rest));
	} else if (!strcmp(kind, "out")) {
		colon = strrchr(rest, ':');
		if (!colon)
			fail(SIM_USAGE, "argument %s: write out:FILE:BYTES", arg->text);
		arg->size = parse_size(arg, colon + 1);
		arg->output = true;
		if (colon != rest)
			arg->file = copy_text(rest, (size_t)(colon - rest));
	} else {
		arg->size = parse_size(arg, rest);
	}
	arg->va = *va;
	arg->host = machine_map(m, arg->va, arg->size, EGRET_PTE_READ | EGRET_PTE_WRITE);
	if (!arg->host)
		fail(SIM_INPUT, "argument %s: %" PRIu64
		     " bytes do not fit into the memory that is left; see --memory",
		     arg->text, arg->size);
	if (contents.size)
		memcpy(arg->host, contents.data, contents.size);
	free(contents.data);
	/* A page between two buffers stays free, so that running over one is a fault. */
	*va += (arg->size + 2 * PAGE - 1) & ~(uint64_t)(PAGE - 1);
	append(args, arg, &arg->va, sizeof(arg->va));
}

static void parse(struct args *args, struct arg *arg, struct machine *m, uint64_t *va)
{
	static const char *const buffers[] = { "in", "out", "inout", "zero" };
	const char *colon = strchr(arg->text, ':');
	const struct type *type;
	size_t length;

	if (!colon)
		fail(SIM_USAGE, "argument %s: write TYPE:VALUE, in:FILE, out:FILE:BYTES, "
		     "inout:FILE or zero:BYTES", arg->text);
	length = (size_t)(colon - arg->text);
	for (size_t i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++) {
		if (strlen(buffers[i]) == length && !memcmp(buffers[i], arg->text, length)) {
			parse_buffer(args, arg, buffers[i], colon + 1, m, va);
			return;
		}
	}
	type = find_type(arg->text, length);
	if (!type || type->print_only)
		fail(SIM_USAGE, "argument %s: there is no type \"%.*s\"", arg->text, (int)length,
		     arg->text);
	parse_values(args, arg, type, colon + 1);
}

/* The structure is as large as a multiple of its most aligned member. */
static unsigned int alignment(const struct args *args)
{
	unsigned int most = 1;

	for (unsigned int i = 0; i < args->count; i++) {
		const char *colon = strchr(args->arg[i].text, ':');
		const struct type *type = args->arg[i].buffer ? NULL :
			find_type(args->arg[i].text, (size_t)(colon - args->arg[i].text));
		unsigned int size = type ? type->size : sizeof(uint64_t);

		if (size > most)
			most = size;
	}
	return most;
}

void args_load(struct args *args, char *const *texts, unsigned int count, struct machine *m,
	       uint64_t va)
{
	size_t align;

	memset(args, 0, sizeof(*args));
	args->arg = allocate(count, sizeof(*args->arg));
	for (unsigned int i = 0; i < count; i++) {
		args->arg[i].text = texts[i];
		args->arg[i].offset = SIZE_MAX;
		parse(args, &args->arg[i], m, &va);
		args->count++;
	}
	align = alignment(args);
	args->size = (args->size + align - 1) & ~(align - 1);
}

void args_store(const struct args *args)
{
	for (unsigned int i = 0; i < args->count; i++)
		if (args->arg[i].output && args->arg[i].file)
			file_write(args->arg[i].file, args->arg[i].host, args->arg[i].size);
}

void args_free(struct args *args)
{
	for (unsigned int i = 0; i < args->count; i++)
		free(args->arg[i].file);
	free(args->arg);
}

const char *args_near(const struct args *args, uint64_t va)
{
	static char text[128];

	for (unsigned int i = 0; i < args->count; i++) {
		const struct arg *a = &args->arg[i];

		uint64_t at = va - a->va;

		if (!a->buffer || at >= a->size + PAGE)
			continue;
		if (at < a->size)
			snprintf(text, sizeof(text), "byte %" PRIu64 " of argument %u", at, i);
		else
			snprintf(text, sizeof(text),
				 "%" PRIu64 " bytes behind the end of argument %u", at - a->size,
				 i);
		return text;
	}
	return "";
}

/* ---- Printing ------------------------------------------------------------------- */

static float from_half(uint16_t h)
{
	int exponent = h >> 10 & 31;
	float fraction = (float)(h & 0x3ff);
	float f;

	if (exponent == 31)
		f = h & 0x3ff ? __builtin_nanf("") : __builtin_inff();
	else if (exponent)
		f = __builtin_ldexpf(fraction + 1024, exponent - 25);
	else
		f = __builtin_ldexpf(fraction, -24);
	return h >> 15 ? -f : f;
}

static void print_float(const struct type *type, const uint8_t *at)
{
	uint32_t bits = 0;
	float f;
	double d;

	if (type->size == 8) {
		memcpy(&d, at, sizeof(d));
		printf(" %.17g", d);
		return;
	}
	memcpy(&bits, at, type->size);
	if (!strcmp(type->name, "bf16"))
		bits <<= 16;
	if (!strcmp(type->name, "f16"))
		f = from_half((uint16_t)bits);
	else
		memcpy(&f, &bits, sizeof(f));
	printf(" %.9g", (double)f);
}

static void print_one(const struct type *type, const uint8_t *at)
{
	unsigned int unused = 64 - 8 * type->size;
	uint64_t value = 0;

	if (type->kind == KIND_FLOAT) {
		print_float(type, at);
		return;
	}
	memcpy(&value, at, type->size);
	if (type->kind == KIND_SIGNED)
		printf(" %" PRId64, (int64_t)(value << unused) >> unused);
	else
		printf(" %" PRIu64, value);
}

static void print_buffer(const struct args *args, unsigned int i, const struct type *type,
			 uint64_t count)
{
	const struct arg *a = &args->arg[i];

	if (count > a->size / type->size)
		count = a->size / type->size;
	printf("%u:", i);
	for (uint64_t k = 0; k < count; k++)
		print_one(type, a->host + k * type->size);
	putchar('\n');
}

void args_print(const struct args *args, const char *format)
{
	const char *text = format;
	const struct type *type;
	uint64_t count = UINT64_MAX;
	unsigned long only = 0;
	bool all = true;
	size_t length;
	char *end;

	if (*text >= '0' && *text <= '9') {
		only = strtoul(text, &end, 10);
		if (*end != ':' || only >= args->count || !args->arg[only].buffer)
			fail(SIM_USAGE, "--print %s: there is no buffer of that number", format);
		all = false;
		text = end + 1;
	}
	length = strcspn(text, ":");
	type = find_type(text, length);
	if (!type)
		fail(SIM_USAGE, "--print %s: there is no type \"%.*s\"", format, (int)length, text);
	if (text[length] == ':') {
		count = strtoull(text + length + 1, &end, 10);
		if (*end || end == text + length + 1)
			fail(SIM_USAGE, "--print %s: \"%s\" is no number", format,
			     text + length + 1);
	}
	for (unsigned int i = 0; i < args->count; i++)
		if (all ? args->arg[i].output : i == only)
			print_buffer(args, i, type, count);
}
