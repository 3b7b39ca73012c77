// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "symbols.h"

#include <elfutils/libdwfl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

/* A trace asks for the same addresses again and again. */
#define CACHE	4096

struct function {
	uint64_t start;
	const char *name;
};

struct symbols {
	Dwfl *dwfl;
	Dwfl_Module *module;
	struct function *functions;	/* ascending by start */
	size_t count;
	bool valid[CACHE];
	struct symbols_place cache[CACHE];
};

static int by_start(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/*
 * What code can be named after: functions, and labels of assembly, but for those that
 * the assembler marks code and data with ("$x").
 */
static void read_functions(struct symbols *s)
{
	int count = s->module ? dwfl_module_getsymtab(s->module) : 0;

	for (int i = 1; i < count; i++) {
		GElf_Sym symbol;
		GElf_Addr value;
		const char *name = dwfl_module_getsym_info(s->module, i, &symbol, &value, NULL,
							   NULL, NULL);
		int type = GELF_ST_TYPE(symbol.st_info);

		if (!name || !*name || *name == '$' || symbol.st_shndx == SHN_UNDEF ||
		    symbol.st_shndx == SHN_ABS || (type != STT_FUNC && type != STT_NOTYPE))
			continue;
		s->functions = grow(s->functions, s->count, sizeof(*s->functions));
		s->functions[s->count++] = (struct function){ value, name };
	}
	if (s->count)
		qsort(s->functions, s->count, sizeof(*s->functions), by_start);
}

static const struct function *function_at(const struct symbols *s, uint64_t address)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (s->functions[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &s->functions[low - 1] : NULL;
}

struct symbols *symbols_open(const char *path, uint64_t base)
{
	/* Only what is in the file itself: nothing is looked for elsewhere. */
	static const Dwfl_Callbacks callbacks = {
		.find_elf = dwfl_build_id_find_elf,
		.find_debuginfo = dwfl_standard_find_debuginfo,
		.section_address = dwfl_offline_section_address,
	};
	struct symbols *s = allocate(1, sizeof(*s));

	s->dwfl = dwfl_begin(&callbacks);
	if (!s->dwfl)
		fail(SIM_HOST, "cannot read symbols: %s", dwfl_errmsg(-1));
	dwfl_report_begin(s->dwfl);
	s->module = dwfl_report_elf(s->dwfl, path, path, -1, base, false);
	dwfl_report_end(s->dwfl, NULL, NULL);
	read_functions(s);
	return s;
}

void symbols_close(struct symbols *s)
{
	if (!s)
		return;
	dwfl_end(s->dwfl);
	free(s->functions);
	free(s);
}

static void look_up(struct symbols *s, uint64_t address, struct symbols_place *p)
{
	const struct function *function = function_at(s, address);
	GElf_Addr first, last;
	Dwfl_Line *line;

	*p = (struct symbols_place){ .address = address };
	if (!s->module)
		return;
	dwfl_module_info(s->module, NULL, &first, &last, NULL, NULL, NULL, NULL);
	if (address < first || address >= last)
		return;
	if (function) {
		p->function = function->name;
		p->offset = address - function->start;
	}
	line = dwfl_module_getsrc(s->module, address);
	if (line)
		p->file = dwfl_lineinfo(line, NULL, &p->line, NULL, NULL, NULL);
}

const struct symbols_place *symbols_place(struct symbols *s, uint64_t address)
{
	static const struct symbols_place unknown;
	uint64_t slot = address >> 1 & (CACHE - 1);

	if (!s)
		return &unknown;
	if (!s->valid[slot] || s->cache[slot].address != address) {
		look_up(s, address, &s->cache[slot]);
		s->valid[slot] = true;
	}
	return &s->cache[slot];
}

bool symbols_find(struct symbols *s, const char *name, uint64_t *address)
{
	int count = s->module ? dwfl_module_getsymtab(s->module) : 0;

	for (int i = 1; i < count; i++) {
		GElf_Sym symbol;
		GElf_Addr value;
		const char *text = dwfl_module_getsym_info(s->module, i, &symbol, &value, NULL,
							   NULL, NULL);

		if (text && !strcmp(text, name) && symbol.st_shndx != SHN_UNDEF) {
			*address = value;
			return true;
		}
	}
	return false;
}

const char *symbols_text(struct symbols *s, uint64_t address)
{
	const struct symbols_place *p = symbols_place(s, address);
	static char text[512];
	int n;

	if (p->function)
		n = snprintf(text, sizeof(text), "%s+0x%" PRIx64, p->function, p->offset);
	else
		n = snprintf(text, sizeof(text), "0x%" PRIx64, address);
	if (p->file && n > 0 && (size_t)n < sizeof(text)) {
		const char *name = strrchr(p->file, '/');

		snprintf(text + n, sizeof(text) - (size_t)n, " (%s:%d)",
			 name ? name + 1 : p->file, p->line);
	}
	return text;
}
