// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
#include "conformance.h"

int conformance_compute(struct nn_facts *facts)
{
	return nn_facts_run(facts);
}
