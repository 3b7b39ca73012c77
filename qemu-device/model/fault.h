/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * A fault on its way from the unit that meets it to the queue's fault registers.
 *
 * The unit that detects a fault fills in what it knows; the command processor adds
 * the packet, the cookie and the workgroup. Codes and fields: egret/fault.h.
 */
#ifndef EGRET_MODEL_FAULT_H
#define EGRET_MODEL_FAULT_H

#include <stdint.h>

#include <egret/fault.h>

/**
 * struct egret_fault - what went wrong
 * @code: kind of the fault; EGRET_FAULT_NONE if there is none
 * @info: unit, its number, access and page table level, as in EGRET_Q_FAULT_INFO
 * @value: operand of the fault, by code
 * @addr: address of the access or offset of the word, by code
 * @pc: program counter, when a hart or one of its units faulted; otherwise the
 *	virtual address of the packet, which the command processor fills in
 */
struct egret_fault {
	enum egret_fault_code code;
	uint32_t info;
	uint32_t value;
	uint64_t addr;
	uint64_t pc;
};

/** egret_fault_info() - the value of EGRET_Q_FAULT_INFO */
static inline uint32_t egret_fault_info(enum egret_fault_unit unit, unsigned int index,
					enum egret_fault_access access, unsigned int level)
{
	return (unit & 0xfu) | (index & 0xffu) << 4 | (access & 3u) << 12 | (level & 7u) << 16;
}

/** egret_fault_set_unit() - say that another unit than the port's owner met the fault */
static inline void egret_fault_set_unit(struct egret_fault *fault, enum egret_fault_unit unit)
{
	fault->info = (fault->info & ~(uint32_t)EGRET_FAULT_INFO_UNIT_MASK) | unit;
}

/** egret_fault_set_index() - say which cluster or copy engine it was */
static inline void egret_fault_set_index(struct egret_fault *fault, unsigned int index)
{
	fault->info = (fault->info & ~(uint32_t)EGRET_FAULT_INFO_INDEX_MASK) | (index & 0xffu) << 4;
}

#endif /* EGRET_MODEL_FAULT_H */
