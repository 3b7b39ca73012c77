/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * Where the boot ROM jumps to. It has cleared all memory of the image that the
 * payload does not fill, so that there is nothing to set up but the stack.
 */
	.section .text.start, "ax"
	.globl	_start
	.type	_start, @function
_start:
	.option	push
	.option	norelax
	la	gp, __global_pointer$
	.option	pop
	la	sp, __stack_top
	call	main
	ebreak			/* main() never returns */
	.size	_start, . - _start
