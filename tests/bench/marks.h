/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef BENCH_MARKS_H
#define BENCH_MARKS_H

/*
 * Marks around what a program in the VM measures. They are instructions that do nothing, with
 * an operand that nobody else uses; the plugin of marks.c counts what the machine executes
 * from one to the other, in user space and in the kernel, on all processors.
 */
#define MARK_BEGIN	0x45475231
#define MARK_END	0x45475232

#define MARK_TEXT_(x)	#x
#define MARK_TEXT(x)	MARK_TEXT_(x)

/* nopl MARK(%rax): 0f 1f 80, and the mark */
#define MARK(which)	__asm__ volatile("nopl " MARK_TEXT(which) "(%%rax)" : : : "memory")

#endif /* BENCH_MARKS_H */
