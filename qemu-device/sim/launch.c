// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "launch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <accel/accel.h>
#include <drm/egret_accel.h>
#include <egret/mmu.h>

#include "args.h"
#include "disasm.h"
#include "libaccel/fault.h"
#include "libaccel/image.h"
#include "machine.h"
#include "perf.h"
#include "sim.h"

#define PAGE		4096u
/* Where the module goes; its buffers are far enough behind it to be told from it at sight. */
#define MODULE_VA	EGRET_VA_MIN
#define BUFFER_VA	(EGRET_VA_MIN + (UINT64_C(1) << 32))

/* ---- The module ------------------------------------------------------------------ */

static void read_module(struct image *image, const char *path)
{
	struct file file = file_read(path);

	if (accel_image_read(image, file.data, file.size, PAGE))
		fail(SIM_INPUT, "%s: %s", path, accel_last_error()->cause);
	free(file.data);
}

static const struct image_kernel *find_kernel(const struct image *image, const struct launch *l)
{
	for (size_t i = 0; i < image->kernel_count; i++)
		if (!strcmp(image->kernels[i].name, l->kernel))
			return &image->kernels[i];
	fail(SIM_USAGE, "%s has no kernel %s; \"egret-sim %s\" lists those that it has", l->module,
	     l->kernel, l->module);
}

static void load_module(const struct image *image, struct machine *m)
{
	uint8_t *placed = allocate(image->size, 1);

	accel_image_place(image, placed, MODULE_VA);
	for (size_t i = 0; i < image->segment_count; i++) {
		const struct image_segment *s = &image->segments[i];
		uint64_t access = EGRET_PTE_READ;
		uint8_t *to;

		if (s->write)
			access |= EGRET_PTE_WRITE;
		if (s->execute)
			access |= EGRET_PTE_EXEC;
		to = machine_map(m, MODULE_VA + s->offset, s->size, access);
		if (!to)
			fail(SIM_INPUT, "the module does not fit into memory; see --memory");
		memcpy(to, placed + s->offset, s->size);
	}
	free(placed);
}

int launch_list(const char *module)
{
	struct image image;

	read_module(&image, module);
	for (size_t i = 0; i < image.kernel_count; i++)
		printf("%s\t%u bytes of arguments\n", image.kernels[i].name,
		       image.kernels[i].args_size);
	accel_image_free(&image);
	return SIM_OK;
}

int launch_disassemble(const char *module)
{
	const struct image_function *function, *last = NULL;
	struct image image;

	read_module(&image, module);
	for (size_t i = 0; i < image.segment_count; i++) {
		const struct image_segment *s = &image.segments[i];
		struct disasm insn;

		if (!s->execute)
			continue;
		for (uint64_t at = 0; at + 2 <= s->size; at += insn.size) {
			uint32_t raw = 0;

			memcpy(&raw, image.memory + s->offset + at, s->size - at < 4 ? 2 : 4);
			disasm(raw, s->offset + at, &insn);
			function = accel_image_function(&image, s->offset + at);
			if (function && function != last)
				printf("\n%s:\n", function->name);
			last = function;
			printf("%8" PRIx64 "  %0*x%s  %s\n", s->offset + at, 2 * (int)insn.size,
			       insn.size == 2 ? raw & 0xffff : raw, insn.size == 2 ? "    " : "",
			       insn.text);
		}
	}
	accel_image_free(&image);
	return SIM_OK;
}

static void check_args(const struct args *args, const struct image_kernel *kernel)
{
	if (args->size == kernel->args_size)
		return;
	fprintf(stderr, "egret-sim: %s takes %u bytes of arguments, and those given are %zu:\n",
		kernel->name, kernel->args_size, args->size);
	for (unsigned int i = 0; i < args->count; i++)
		fprintf(stderr, "  at %3zu  %s\n", args->arg[i].offset, args->arg[i].text);
	exit(SIM_USAGE);
}

/* ---- What it says ------------------------------------------------------------------- */

static void print_counters(const struct machine *m)
{
	const struct egret_group_stats *s = &m->dispatch.sum;
	uint64_t cycles = egret_dispatch_cycles(&m->dispatch);

	printf("modelled, not measured; cycles at %g GHz\n"
	       "cycles          %" PRIu64 "\n"
	       "microseconds    %.3f\n"
	       "workgroups      %" PRIu64 "\n"
	       "clusters        %u\n"
	       "sums over all workgroups\n"
	       "hart_cycles     %" PRIu64 "\n"
	       "tile_wait       %" PRIu64 "\n"
	       "dma_wait        %" PRIu64 "\n"
	       "tile_busy       %" PRIu64 "\n"
	       "dma_busy        %" PRIu64 "\n"
	       "instructions    %" PRIu64 "\n"
	       "macs            %" PRIu64 "\n"
	       "memory_read     %" PRIu64 "\n"
	       "memory_written  %" PRIu64 "\n",
	       PERF_CLOCK_KHZ / 1e6, cycles, (double)cycles * 1000 / PERF_CLOCK_KHZ,
	       m->dispatch.merged, m->clusters, s->hart_cycles, s->tile_wait, s->dma_wait,
	       s->tile_busy, s->dma_busy, s->instructions, s->macs, s->vram_read, s->vram_write);
}

static void print_registers(const struct egret_hart *h)
{
	for (int i = 1; i < 32; i++)
		fprintf(stderr, "%s%4s %016" PRIx64, i % 4 == 1 ? "\n " : " ", disasm_x((unsigned int)i),
			h->x[i]);
	fputc('\n', stderr);
}

static void print_fault(const struct machine *m, const struct args *args, struct symbols *symbols)
{
	const struct machine_unit *u = m->current;
	const struct egret_fault *f = egret_cluster_fault(u->cluster);
	struct drm_egret_queue_query query = {
		.fault_code = f->code,
		.fault_info = f->info,
		.fault_value = f->value,
		.fault_addr = f->addr,
		.fault_pc = f->pc,
	};
	struct accel_fault fault;
	const char *near;

	accel_fault_decode(&query, &fault);
	fprintf(stderr, "egret-sim: fault %s, %s\n", fault.name, fault.description);
	fprintf(stderr, "  %s of cluster %u, workgroup (%u, %u, %u), cycle %" PRIu64 " of it\n",
		fault.unit, u->index, u->id[0], u->id[1], u->id[2], u->hart->now);
	fprintf(stderr, "  at %s\n", symbols_text(symbols, f->pc));
	near = args_near(args, f->addr);
	fprintf(stderr, "  %s%saddress 0x%" PRIx64 "%s%s, value 0x%x\n", fault.access,
		*fault.access ? " access, " : "", f->addr, *near ? ", " : "", near, f->value);
	fprintf(stderr, "  pc %016" PRIx64, u->hart->pc);
	print_registers(u->hart);
}

/* ---- Running -------------------------------------------------------------------------- */

static int report(const struct launch *l, struct machine *m, const struct args *args,
		  struct symbols *symbols, enum machine_state state)
{
	int status = SIM_OK;

	if (state == MACHINE_FAULT) {
		print_fault(m, args, symbols);
		status = SIM_FAULT;
	} else if (state == MACHINE_LIMIT) {
		fprintf(stderr, "egret-sim: stopped after %" PRIu64 " instructions, in %s\n",
			machine_instructions(m),
			symbols_text(symbols, egret_cluster_pc(m->current->cluster)));
		status = SIM_LIMIT;
	} else if (state == MACHINE_STOPPED) {
		fprintf(stderr, "egret-sim: the debugger ended the run\n");
		status = SIM_FAULT;
	} else {
		args_store(args);
	}
	for (unsigned int i = 0; i < l->print_count; i++)
		args_print(args, l->prints[i]);
	if (l->counters)
		print_counters(m);
	return status;
}

int launch_run(const struct launch *l)
{
	struct machine *m = machine_create(l->clusters, l->memory);
	const struct image_kernel *kernel;
	enum machine_state state;
	struct symbols *symbols;
	struct image image;
	struct args args;
	int status;

	read_module(&image, l->module);
	kernel = find_kernel(&image, l);
	load_module(&image, m);
	args_load(&args, l->args, l->arg_count, m, BUFFER_VA);
	check_args(&args, kernel);
	symbols = symbols_open(l->module, MODULE_VA);
	machine_dispatch(m, MODULE_VA + kernel->entry, l->grid, args.data, args.size);
	state = session_run(&l->session, m, symbols, MODULE_VA);
	status = report(l, m, &args, symbols, state);
	symbols_close(symbols);
	args_free(&args);
	accel_image_free(&image);
	machine_destroy(m);
	return status;
}
