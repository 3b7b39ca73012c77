/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* Instructions and descriptors as text. */
#ifndef EGRET_SIM_DISASM_H
#define EGRET_SIM_DISASM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hart.h"
#include "tile.h"

/* Where an instruction's result goes. */
enum disasm_result {
	DISASM_NONE,
	DISASM_X,
	DISASM_F,
};

/** struct disasm - an instruction */
struct disasm {
	char text[80];
	unsigned int size;		/* bytes: 2 or 4 */
	unsigned int number;		/* enum hart_insn */
	enum disasm_result result;
	unsigned int rd;
	unsigned int rs1, rs2;
	bool loads, stores;		/* memory at rs1 + offset; an atomic may do both */
	int32_t offset;
	unsigned int bytes;
	int funct3;			/* of a custom instruction, otherwise -1 */
};

/**
 * disasm() - take apart an instruction
 * @raw: its bytes; the upper half counts if it has 4
 * @pc: its address
 * @d: result
 */
void disasm(uint32_t raw, uint64_t pc, struct disasm *d);

/** disasm_desc() - what a descriptor asks for, in one line */
void disasm_desc(unsigned int funct3, const union egret_desc *desc, char *text, size_t size);

/** disasm_operation() - the name of a custom instruction that starts an operation: "matmul" */
const char *disasm_operation(unsigned int funct3);

/** disasm_x() - the name of an integer register: "a0" */
const char *disasm_x(unsigned int n);
/** disasm_f() - the name of a floating-point register: "fa0" */
const char *disasm_f(unsigned int n);

#endif /* EGRET_SIM_DISASM_H */
