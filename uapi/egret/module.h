/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * Kernel modules: what a loader finds in the ELF file.
 *
 * A module is a position-independent ELF file (ELFCLASS64, little-endian,
 * EM_RISCV, ET_DYN) whose only dynamic relocations are R_RISCV_RELATIVE and
 * R_RISCV_64 against symbols that it defines. Section EGRET_KERNEL_SECTION is an
 * array of struct egret_kernel_info, one for each kernel.
 *
 * Specification: Documentation/hardware/modules.rst
 */
#ifndef EGRET_MODULE_H
#define EGRET_MODULE_H

#include <egret/types.h>

#define EGRET_KERNEL_SECTION		".egret.kernels"	/* name of the section */
#define EGRET_KERNEL_MAGIC		0x4e4b4745	/* "EGKN" */
#define EGRET_KERNEL_VERSION		1	/* version of the structure */
#define EGRET_KERNEL_NAME_MAX		64	/* bytes of a name with its zero */

struct egret_kernel_info {
	__le32 magic;		/* EGRET_KERNEL_MAGIC */
	__le16 version;		/* EGRET_KERNEL_VERSION */
	__le16 size;		/* sizeof(struct egret_kernel_info) */
	__le64 entry;		/* first instruction; relocated with the module */
	__le32 args_size;	/* bytes of the argument structure */
	__le32 args_align;	/* its alignment */
	__u8 name[EGRET_KERNEL_NAME_MAX];	/* zero-terminated */
	__le64 reserved;	/* zero */
};

#endif /* EGRET_MODULE_H */
