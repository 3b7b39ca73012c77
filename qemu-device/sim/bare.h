/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * Programs for a bare hart in machine mode, as RISC-V's test programs are.
 *
 * A program is an ELF file linked at BARE_BASE, where BARE_MEMORY bytes of memory are.
 * It starts at its entry with all registers zero but the stack pointer, and ends by
 * writing to the word at its symbol `tohost`: 1 for success, (number << 1) | 1 when test
 * case `number` has failed. An even number there is a request of the host interface of
 * RISC-V's own simulators, of which writing text is understood. The scratchpad and the
 * custom instructions are there too.
 */
#ifndef EGRET_SIM_BARE_H
#define EGRET_SIM_BARE_H

#include "machine.h"
#include "session.h"
#include "symbols.h"

#define BARE_BASE	UINT64_C(0x80000000)
#define BARE_MEMORY	(UINT64_C(64) << 20)

enum bare_result {
	BARE_PASS,
	BARE_FAIL,		/* the program said so */
	BARE_FAULT,		/* a trap that nobody handles, or it ended by itself */
	BARE_LIMIT,		/* it did not end */
	BARE_STOPPED,		/* somebody else stopped it */
};

struct bare {
	struct machine *machine;
	struct symbols *symbols;
	const char *path;
	uint64_t tohost;	/* address */
	uint64_t fromhost;	/* address of the answer to requests, or 0 */
	uint64_t value;		/* what was written there to end */
	char line[160];		/* text that the program has not ended yet */
	size_t line_size;
};

/**
 * bare_load() - make a machine with a program
 * @path: ELF file
 * @reason: why it is not for this machine
 * @skip: it is a good program, for another machine
 *
 * A file that cannot be read ends the program.
 *
 * Return: the machine, or NULL with @reason.
 */
struct bare *bare_load(const char *path, const char **reason, bool *skip);
enum bare_result bare_run(struct bare *b, const struct session *session);
void bare_free(struct bare *b);

/**
 * bare_write_signature() - write what lies between begin_signature and end_signature
 * @path: file; a line for each word, in hexadecimal
 * @word: bytes of a word
 */
void bare_write_signature(struct bare *b, const char *path, unsigned int word);

/**
 * bare_test() - run test programs and print TAP
 * @paths: programs, and folders of them, to any depth
 * @count: how many
 * @session: limit of each; the rest is for a single program
 * @signature: file for the signature of a single program, or NULL
 * @word: bytes of a word of it
 *
 * Return: how the simulator is to end.
 */
int bare_test(char *const *paths, unsigned int count, const struct session *session,
	      const char *signature, unsigned int word);

#endif /* EGRET_SIM_BARE_H */
