/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * egret-sim: kernels and bare programs on the chip's clusters, without a machine around
 * them.
 *
 *   main.c      the command line
 *   machine.c   clusters, memory and page tables; who runs when
 *   launch.c    a kernel of a module, its arguments, and what it says
 *   args.c      values and buffers of the command line
 *   bare.c      a program in machine mode at 0x80000000: RISC-V's test programs
 *   trace.c     what is executed, as text; disasm.c how an instruction looks
 *   timeline.c  what happened in modelled time, as a trace file
 *   gdb.c       the debugger's remote protocol
 *   symbols.c   addresses as functions and lines
 *   bench.c     how fast the interpreter is
 *
 * Everything runs on one thread, in the order of modelled time: a run repeats exactly.
 *
 * This is a program that ends when something goes wrong, so functions that cannot do
 * what they are for do not return: see fail().
 */
#ifndef EGRET_SIM_H
#define EGRET_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the program returns. */
enum sim_exit {
	SIM_OK = 0,
	SIM_FAULT = 1,		/* the kernel faulted, or a test failed */
	SIM_USAGE = 2,		/* the command line is wrong */
	SIM_INPUT = 3,		/* a file cannot be read or written, or is not what it should be */
	SIM_LIMIT = 4,		/* the limit of instructions was reached */
	SIM_HOST = 5,		/* the host is out of something */
};

/** fail() - say "egret-sim: MESSAGE" and end the program with @status */
_Noreturn void fail(enum sim_exit status, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** allocate() - calloc() that ends the program when there is no memory */
void *allocate(size_t count, size_t size);

/** grow() - room for one more element in an array of @count; ends the program likewise */
void *grow(void *array, size_t count, size_t size);

/** struct file - the contents of a file */
struct file {
	uint8_t *data;
	size_t size;
};

/** file_read() - read a whole file; the caller frees @data */
struct file file_read(const char *path);

/** file_write() - write a whole file, replacing what was there; "-" is standard output */
void file_write(const char *path, const void *data, size_t size);

#endif /* EGRET_SIM_H */
