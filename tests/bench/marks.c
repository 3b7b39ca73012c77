// SPDX-License-Identifier: GPL-2.0-or-later
// Copyright (C) 2026 The Egret authors
/*
 * A plugin of QEMU that counts instructions of the guest between marks (marks.h):
 *
 *	qemu-system-x86_64 -plugin build/tests/bench/libmarks.so,out=FILE[,profile=N|,registers=on] ...
 *
 * Each end of a window appends a line to the file: the number of instructions since the
 * window's beginning, on all processors. Windows do not nest.
 *
 * With `profile`, the window of this number, from 1, is taken apart: behind the line of its
 * end there is one for each address at which straight code was begun in it, an "@", the address
 * in hexadecimal and the instructions executed from there. Code that was left in its middle, by
 * an interrupt or a fault, counts as a whole, so they are a few more than the window's.
 *
 * With `registers`, a second number in each line says how often a processor read or wrote a
 * register or a doorbell of the card. The machine is much slower then.
 */
#include <glib.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qemu-plugin.h"

#include "marks.h"

#define NOPL_SIZE	7

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

static qemu_plugin_u64 executed;
static uint64_t begin;
static FILE *out;

/* Straight code. Never freed: QEMU may throw a translation away and make it again. */
struct block {
	uint64_t address, length;
	atomic_ulong executed;		/* times, in the window that is taken apart */
};

static unsigned long profiled, window;	/* 0: none; the last one that began */
static atomic_bool counting;
static bool count_registers;
static atomic_bool inside;		/* of a window */
static atomic_ulong registers;		/* accesses in it */
static GMutex lock;			/* of the blocks */
static GPtrArray *blocks;

/* With this one, which has been counted already. */
static void at_begin(unsigned int cpu, void *opaque)
{
	(void)cpu;
	(void)opaque;
	begin = qemu_plugin_u64_sum(executed);
	counting = ++window == profiled;
	registers = 0;
	inside = true;
}

/* What the card calls these parts of its BARs: qemu-device/qom/egret.c. */
static bool is_register(const struct qemu_plugin_hwaddr *address)
{
	const char *name = qemu_plugin_hwaddr_device_name(address);

	return name && (!strcmp(name, "egret-regs") || !strcmp(name, "egret-doorbells"));
}

static void at_access(unsigned int cpu, qemu_plugin_meminfo_t info, uint64_t address, void *opaque)
{
	const struct qemu_plugin_hwaddr *hardware;

	(void)cpu;
	(void)opaque;
	if (!inside)
		return;
	hardware = qemu_plugin_get_hwaddr(info, address);
	if (hardware && qemu_plugin_hwaddr_is_io(hardware) && is_register(hardware))
		registers++;
}

static void print_blocks(void)
{
	g_mutex_lock(&lock);
	for (guint i = 0; i < blocks->len; i++) {
		const struct block *block = g_ptr_array_index(blocks, i);

		if (block->executed)
			fprintf(out, "@ %" PRIx64 " %" PRIu64 "\n", block->address,
				block->executed * block->length);
	}
	g_mutex_unlock(&lock);
}

static void count_block(unsigned int cpu, void *opaque)
{
	struct block *block = opaque;

	(void)cpu;
	if (counting)
		block->executed++;
}

/* Count how often the straight code is executed. */
static void watch_block(struct qemu_plugin_tb *tb)
{
	struct block *block = g_new0(struct block, 1);

	block->address = qemu_plugin_tb_vaddr(tb);
	block->length = qemu_plugin_tb_n_insns(tb);
	g_mutex_lock(&lock);
	g_ptr_array_add(blocks, block);
	g_mutex_unlock(&lock);
	qemu_plugin_register_vcpu_tb_exec_cb(tb, count_block, QEMU_PLUGIN_CB_NO_REGS, block);
}

static void at_end(unsigned int cpu, void *opaque)
{
	(void)cpu;
	(void)opaque;
	inside = false;
	fprintf(out, "%llu", (unsigned long long)(qemu_plugin_u64_sum(executed) - begin - 1));
	if (count_registers)
		fprintf(out, " %lu", (unsigned long)registers);
	fputc('\n', out);
	if (counting)
		print_blocks();
	counting = false;
	fflush(out);
}

/* Which mark the instruction is, or 0. */
static uint32_t mark_of(const struct qemu_plugin_insn *insn)
{
	static const uint8_t nopl[] = { 0x0f, 0x1f, 0x80 };
	uint8_t bytes[NOPL_SIZE];
	uint32_t mark;

	if (qemu_plugin_insn_size(insn) != NOPL_SIZE)
		return 0;
	qemu_plugin_insn_data(insn, bytes, sizeof(bytes));
	if (memcmp(bytes, nopl, sizeof(nopl)))
		return 0;
	memcpy(&mark, bytes + sizeof(nopl), sizeof(mark));
	return mark;
}

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	(void)id;
	if (profiled)
		watch_block(tb);
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint32_t mark = mark_of(insn);

		qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(
			insn, QEMU_PLUGIN_INLINE_ADD_U64, executed, 1);
		if (count_registers)
			qemu_plugin_register_vcpu_mem_cb(insn, at_access, QEMU_PLUGIN_CB_NO_REGS,
							 QEMU_PLUGIN_MEM_RW, NULL);
		if (mark == MARK_BEGIN || mark == MARK_END)
			qemu_plugin_register_vcpu_insn_exec_cb(
				insn, mark == MARK_BEGIN ? at_begin : at_end,
				QEMU_PLUGIN_CB_NO_REGS, NULL);
	}
}

static void finish(qemu_plugin_id_t id, void *opaque)
{
	(void)id;
	(void)opaque;
	fclose(out);
}

static bool parse(int argc, char **argv, const char **path)
{
	for (int i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "out=", 4))
			*path = argv[i] + 4;
		else if (!strncmp(argv[i], "profile=", 8))
			profiled = strtoul(argv[i] + 8, NULL, 10);
		else if (!strcmp(argv[i], "registers=on"))
			count_registers = true;
		else
			return false;
	}
	return *path;
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
					   char **argv);
QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
					   char **argv)
{
	const char *path = NULL;

	(void)info;
	if (!parse(argc, argv, &path)) {
		fprintf(stderr, "libmarks: needs out=FILE, and takes profile=NUMBER or registers=on\n");
		return -1;
	}
	blocks = g_ptr_array_new();
	out = fopen(path, "w");
	if (!out) {
		perror(path);
		return -1;
	}
	executed = qemu_plugin_scoreboard_u64(qemu_plugin_scoreboard_new(sizeof(uint64_t)));
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	qemu_plugin_register_atexit_cb(id, finish, NULL);
	return 0;
}
