/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* Arguments of the kernels in probe.egm. */
#ifndef PROBE_H
#define PROBE_H

#include <egret/types.h>

/* who: out[linear number of the workgroup] = struct probe_who */
struct probe_who {
	__u32 x, y, z;
	__u32 grid_x, grid_y, grid_z;
	__u32 cluster;
	__u32 args_size;
};

struct who_args {
	__u64 out;
};

/* poke: writes a value to an address, in group `group` of x */
struct poke_args {
	__u64 address;
	__u64 value;
	__u32 group;
	__u32 reserved;
};

/* load: loads 64 bytes from an address by DMA */
struct load_args {
	__u64 address;
};

/* give_up: aborts with a code */
struct give_up_args {
	__u32 code;
};

/* sum: out = sum of as many arguments as there can be */
#define SUM_WORDS 1022
struct sum_args {
	__u64 out;
	__u32 words[SUM_WORDS];
};

/* greet: writes greeting number `which` to out, which needs relocated data */
#define GREETING_SIZE 16
struct greet_args {
	__u64 out;
	__u32 which;
	__u32 reserved;
};

/* add: out[i] = in[i] + value, for `count` numbers in each group of x */
struct add_args {
	__u64 in;
	__u64 out;
	__u32 count;
	__u32 value;
};

/* spin: never ends */
struct spin_args {
	__u32 reserved;
};

#endif /* PROBE_H */
