// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <accel/accel.h>
#include <egret/packet.h>
#include <egret/pci.h>

#include "bare.h"
#include "bench.h"
#include "launch.h"
#include "sim.h"

static const char usage[] =
	"usage: egret-sim [OPTIONS] MODULE KERNEL    run a kernel\n"
	"       egret-sim MODULE                     list its kernels\n"
	"       egret-sim --disassemble MODULE       show its code\n"
	"       egret-sim --riscv-test [OPTIONS] FILE|FOLDER...\n"
	"       egret-sim --bench\n"
	"\n"
	"  -a, --arg TYPE:VALUE     an argument: u8 s8 u16 s16 u32 s32 u64 s64 f32 f64\n"
	"  -a, --arg in:FILE        a buffer with the contents of a file\n"
	"  -a, --arg out:FILE:BYTES a buffer to write to a file (no FILE: only to print)\n"
	"  -a, --arg inout:FILE     both\n"
	"  -a, --arg zero:BYTES     a buffer that is neither\n"
	"  -g, --grid X[,Y[,Z]]     workgroups; 1,1,1 without\n"
	"  -p, --print [N:]TYPE[:COUNT]  print buffers that are output, or that of argument N\n"
	"  -c, --counters           print modelled cycles and what else is counted\n"
	"      --clusters N         clusters of the chip; 4 without\n"
	"      --memory MIB         device memory; 512 without\n"
	"      --limit N            stop after so many instructions\n"
	"      --trace[=FILE]       every instruction, as text\n"
	"      --timeline FILE      what happened when, for Perfetto\n"
	"      --gdb PORT|unix:PATH wait for a debugger\n"
	"      --signature FILE     memory from begin_signature to end_signature, in hexadecimal\n"
	"      --signature-word N   bytes of each line of it; 4 without\n"
	"  -h, --help  -V, --version\n"
	"\n"
	"It returns 0; 1 after a fault or a failed test; 2 for a wrong command line; 3 for a\n"
	"file that cannot be used; 4 at the limit; 5 when the host is out of something.\n";

enum { OPT_CLUSTERS = 256, OPT_MEMORY, OPT_LIMIT, OPT_TRACE, OPT_TIMELINE, OPT_GDB,
       OPT_SIGNATURE, OPT_WORD, OPT_TEST, OPT_BENCH, OPT_DISASSEMBLE };

static const struct option options[] = {
	{ "arg", required_argument, NULL, 'a' },
	{ "grid", required_argument, NULL, 'g' },
	{ "print", required_argument, NULL, 'p' },
	{ "counters", no_argument, NULL, 'c' },
	{ "clusters", required_argument, NULL, OPT_CLUSTERS },
	{ "memory", required_argument, NULL, OPT_MEMORY },
	{ "limit", required_argument, NULL, OPT_LIMIT },
	{ "trace", optional_argument, NULL, OPT_TRACE },
	{ "timeline", required_argument, NULL, OPT_TIMELINE },
	{ "gdb", required_argument, NULL, OPT_GDB },
	{ "signature", required_argument, NULL, OPT_SIGNATURE },
	{ "signature-word", required_argument, NULL, OPT_WORD },
	{ "riscv-test", no_argument, NULL, OPT_TEST },
	{ "bench", no_argument, NULL, OPT_BENCH },
	{ "disassemble", no_argument, NULL, OPT_DISASSEMBLE },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* A test that does not end is wrong; the longest of RISC-V's own takes a fraction of this. */
#define TEST_LIMIT	50000000

struct command {
	struct launch launch;
	const char *signature;
	unsigned int word;
	bool test;
	bool bench;
	bool disassemble;
};

static uint64_t parse_number(const char *option, const char *text, uint64_t least, uint64_t most)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno || end == text || *end || *text == '-' || n < least || n > most)
		fail(SIM_USAGE, "%s %s: it must be a number from %llu to %llu", option, text,
		     (unsigned long long)least, (unsigned long long)most);
	return n;
}

static void parse_grid(uint32_t grid[3], const char *text)
{
	uint64_t product = 1;
	const char *at = text;

	for (int i = 0; i < 3; i++)
		grid[i] = 1;
	for (int i = 0; i < 3; i++) {
		unsigned long n;
		char *end;

		errno = 0;
		n = strtoul(at, &end, 10);
		if (errno || end == at || !n || n > EGRET_GRID_MAX || *at == '-' ||
		    (*end && *end != ','))
			break;
		grid[i] = (uint32_t)n;
		product = product > UINT32_MAX ? product : product * n;
		if (!*end) {
			if (product > UINT32_MAX)
				fail(SIM_USAGE, "--grid %s: more than 2^32 - 1 workgroups", text);
			return;
		}
		at = end + 1;
	}
	fail(SIM_USAGE, "--grid %s: write X, X,Y or X,Y,Z, each 1 to %u", text,
	     EGRET_GRID_MAX);
}

static void parse(struct command *c, int argc, char **argv)
{
	struct launch *l = &c->launch;
	int option;

	while ((option = getopt_long(argc, argv, "a:g:p:chV", options, NULL)) != -1) {
		switch (option) {
		case 'a':
			l->args = grow(l->args, l->arg_count, sizeof(*l->args));
			l->args[l->arg_count++] = optarg;
			break;
		case 'g':
			parse_grid(l->grid, optarg);
			break;
		case 'p':
			l->prints = grow(l->prints, l->print_count, sizeof(*l->prints));
			l->prints[l->print_count++] = optarg;
			break;
		case 'c':
			l->counters = true;
			break;
		case OPT_CLUSTERS:
			l->clusters = (unsigned int)parse_number("--clusters", optarg, 1,
								 EGRET_MAX_CLUSTERS);
			break;
		case OPT_MEMORY:
			/* whole large pages */
			l->memory = parse_number("--memory", optarg, 2, 1 << 20) / 2 * 2 << 20;
			break;
		case OPT_LIMIT:
			l->session.limit = parse_number("--limit", optarg, 1, UINT64_MAX);
			break;
		case OPT_TRACE:
			l->session.trace = optarg ? optarg : "-";
			break;
		case OPT_TIMELINE:
			l->session.timeline = optarg;
			break;
		case OPT_GDB:
			l->session.gdb = optarg;
			break;
		case OPT_SIGNATURE:
			c->signature = optarg;
			break;
		case OPT_WORD:
			c->word = (unsigned int)parse_number("--signature-word", optarg, 1, 64);
			break;
		case OPT_TEST:
			c->test = true;
			break;
		case OPT_BENCH:
			c->bench = true;
			break;
		case OPT_DISASSEMBLE:
			c->disassemble = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(SIM_OK);
		case 'V':
			printf("egret-sim %d.%d.%d\n", ACCEL_VERSION_MAJOR, ACCEL_VERSION_MINOR,
			       ACCEL_VERSION_PATCH);
			exit(SIM_OK);
		default:
			fputs("egret-sim: try --help\n", stderr);
			exit(SIM_USAGE);
		}
	}
}

static int run_tests(struct command *c, char **paths, int count)
{
	if (count < 1)
		fail(SIM_USAGE, "--riscv-test: name test programs, or folders of them");
	if (c->launch.arg_count || c->launch.print_count || c->launch.counters)
		fail(SIM_USAGE, "--arg, --print and --counters are for kernels, not for tests");
	if (!c->launch.session.limit)
		c->launch.session.limit = TEST_LIMIT;
	return bare_test(paths, (unsigned int)count, &c->launch.session, c->signature, c->word);
}

int main(int argc, char **argv)
{
	struct command c = {
		.launch = {
			.grid = { 1, 1, 1 },
			.clusters = 4,
			.memory = UINT64_C(512) << 20,
		},
		.word = 4,
	};
	int status;

	parse(&c, argc, argv);
	argv += optind;
	argc -= optind;
	if (!c.test && c.signature)
		fail(SIM_USAGE, "--signature is for --riscv-test");
	if (c.bench) {
		status = bench_run();
	} else if (c.test) {
		status = run_tests(&c, argv, argc);
	} else if (argc == 1) {
		status = c.disassemble ? launch_disassemble(argv[0]) : launch_list(argv[0]);
	} else if (argc == 2 && !c.disassemble) {
		c.launch.module = argv[0];
		c.launch.kernel = argv[1];
		status = launch_run(&c.launch);
	} else {
		fputs(usage, stderr);
		status = SIM_USAGE;
	}
	free(c.launch.args);
	free(c.launch.prints);
	if (fflush(stdout))
		fail(SIM_INPUT, "cannot write to standard output: %s", strerror(errno));
	return status;
}
