# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""Workgroups over clusters: the schedule of performance.rst, the faults of faults.rst.

A workgroup is a pair: its elapsed cycles, and whether it faults at their end.
"""

GROUP = 60		# PERF_GROUP


def schedule(groups, clusters):
    """(cluster, end) of each workgroup"""
    free_at = [0] * clusters
    placed = []
    for cycles, _ in groups:
        cluster = free_at.index(min(free_at))
        free_at[cluster] += GROUP + cycles
        placed.append((cluster, free_at[cluster]))
    return placed


def outcome(groups, clusters):
    """(workgroup that is recorded or None, its cluster, workgroups that count, cycles of these)"""
    placed = schedule(groups, clusters)
    for number, (_, faults) in enumerate(groups):
        if faults:
            ends = [end for _, end in placed[:number]]
            return number, placed[number][0], number, max(ends, default=0)
    return None, None, len(groups), max(end for _, end in placed)
