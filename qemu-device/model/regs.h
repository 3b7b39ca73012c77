/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * The register file (BAR0) and the doorbells (BAR4).
 */
#ifndef EGRET_MODEL_REGS_H
#define EGRET_MODEL_REGS_H

struct egret_model;

/** egret_regs_reset() - registers that every chip reset sets back; with egret_model.lock held */
void egret_regs_reset(struct egret_model *m);

#endif /* EGRET_MODEL_REGS_H */
