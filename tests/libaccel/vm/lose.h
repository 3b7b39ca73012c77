/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef TEST_LOSE_H
#define TEST_LOSE_H

#include <accel/accel.h>

/* A card, by its PCI address, is taken away from its driver; or all its engines are reset. */
void remove_card(const char *address);
void reset_card(const char *address);

/* Look for a card that was removed, and open it. */
struct accel_device *open_again(void);

#endif /* TEST_LOSE_H */
