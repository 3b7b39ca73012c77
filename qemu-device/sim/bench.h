/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* How fast this host interprets the hart's instructions. */
#ifndef EGRET_SIM_BENCH_H
#define EGRET_SIM_BENCH_H

/** bench_run() - run loops that are built in, print their speed; returns how to end */
int bench_run(void);

#endif /* EGRET_SIM_BENCH_H */
