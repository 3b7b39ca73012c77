// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "symbols.h"

#include <elfutils/libdwfl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

/* libdwfl searches all symbols for each address, and a trace asks for the same ones again and again. */
#define CACHE	4096

struct symbols {
	Dwfl *dwfl;
	Dwfl_Module *module;
	bool valid[CACHE];
	struct symbols_place cache[CACHE];
};

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
	return s;
}

void symbols_close(struct symbols *s)
{
	if (!s)
		return;
	dwfl_end(s->dwfl);
	free(s);
}

static void look_up(struct symbols *s, uint64_t address, struct symbols_place *p)
{
	Dwfl_Line *line;
	GElf_Off offset;
	GElf_Sym symbol;

	*p = (struct symbols_place){ .address = address };
	if (!s->module)
		return;
	p->function = dwfl_module_addrinfo(s->module, address, &offset, &symbol, NULL, NULL, NULL);
	if (p->function)
		p->offset = offset;
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
