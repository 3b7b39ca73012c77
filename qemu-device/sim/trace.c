// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * A line begins before the instruction runs and ends after it, so that of one that
 * faults there is the beginning:
 *
 *	(x,y,z) pc <function+offset> word  instruction  ; result
 */
#include "trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disasm.h"
#include "sim.h"

struct trace {
	struct symbols *symbols;
	const char *path;
	FILE *file;
	bool open_line;
	uint64_t instret;	/* before the instruction */
	struct disasm insn;
};

static void write_place(struct trace *t, uint64_t pc)
{
	const struct symbols_place *p = symbols_place(t->symbols, pc);

	fprintf(t->file, "%010" PRIx64 " ", pc);
	if (p->function)
		fprintf(t->file, "<%s+0x%" PRIx64 ">", p->function, p->offset);
}

static void write_descriptor(struct trace *t, struct machine_unit *u)
{
	unsigned int funct3 = (unsigned int)t->insn.funct3;
	union egret_desc desc;
	char text[320];
	size_t size = egret_desc_size(funct3);

	if (funct3 == EGRET_FUNCT3_WAIT) {
		fprintf(t->file, "  ; tags 0x%x", (uint32_t)u->hart->x[t->insn.rs1]);
		return;
	}
	memset(&desc, 0, sizeof(desc));
	if (!size || machine_read(u, u->hart->x[t->insn.rs1], &desc, size) != size)
		return;
	machine_read(u, u->hart->x[t->insn.rs1] + size, (uint8_t *)&desc + size,
		     egret_desc_more(funct3, &desc));
	disasm_desc(funct3, &desc, text, sizeof(text));
	fprintf(t->file, "  ; tag %u: %s", (unsigned int)u->hart->x[t->insn.rs2], text);
}

static bool before(void *arg, struct machine_unit *u)
{
	struct trace *t = arg;
	uint64_t pc = egret_cluster_pc(u->cluster);
	uint32_t raw = 0;

	if (t->open_line)
		fputc('\n', t->file);
	t->open_line = true;
	t->instret = u->hart->instret;
	fprintf(t->file, "(%u,%u,%u) ", u->id[0], u->id[1], u->id[2]);
	write_place(t, pc);
	if (machine_read(u, pc, &raw, 4) < 2) {
		fputs("  nothing is there", t->file);
		memset(&t->insn, 0, sizeof(t->insn));
		return true;
	}
	disasm(raw, pc, &t->insn);
	if (t->insn.size == 2)
		fprintf(t->file, "  %04x      %s", raw & 0xffff, t->insn.text);
	else
		fprintf(t->file, "  %08x  %s", raw, t->insn.text);
	if (t->insn.loads || t->insn.stores)
		fprintf(t->file, "  ; at 0x%" PRIx64,
			u->hart->x[t->insn.rs1] + (uint64_t)(int64_t)t->insn.offset);
	if (t->insn.funct3 >= 0 && t->insn.size)
		write_descriptor(t, u);
	return true;
}

static bool after(void *arg, struct machine_unit *u)
{
	struct trace *t = arg;
	const struct egret_hart *h = u->hart;

	if (h->instret == t->instret)
		fprintf(t->file, "  ; trap %" PRIu64 ", mtval 0x%" PRIx64, h->mcause, h->mtval);
	else if (t->insn.result == DISASM_X)
		fprintf(t->file, "  ; %s = 0x%" PRIx64, disasm_x(t->insn.rd), h->x[t->insn.rd]);
	else if (t->insn.result == DISASM_F)
		fprintf(t->file, "  ; %s = 0x%" PRIx64, disasm_f(t->insn.rd), h->f[t->insn.rd]);
	fputc('\n', t->file);
	t->open_line = false;
	return true;
}

struct trace *trace_start(struct machine *m, struct symbols *symbols, const char *path)
{
	struct trace *t = allocate(1, sizeof(*t));

	t->symbols = symbols;
	t->path = path;
	t->file = strcmp(path, "-") ? fopen(path, "w") : stdout;
	if (!t->file)
		fail(SIM_INPUT, "cannot create %s: %s", path, strerror(errno));
	machine_set_stepping(m, true);
	machine_watch(m, &(struct machine_watch) { .arg = t, .before = before, .after = after });
	return t;
}

void trace_finish(struct trace *t)
{
	bool bad;

	if (t->open_line)
		fputs("  ; fault\n", t->file);
	bad = ferror(t->file);
	if (t->file == stdout)
		bad |= fflush(stdout) != 0;
	else
		bad |= fclose(t->file) != 0;
	if (bad)
		fail(SIM_INPUT, "cannot write %s: %s", t->path, strerror(errno));
	free(t);
}
