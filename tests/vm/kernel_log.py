# SPDX-License-Identifier: MIT
"""Find what a kernel complains about in its console log."""

import re

# What no test may provoke. A pattern matches anywhere in a line.
SPLATS = [
    (r'Kernel panic - not syncing', 'panic'),
    (r'\bOops\b.*: [0-9a-f]{4}|\bOops:', 'oops'),
    (r'general protection fault', 'oops'),
    (r'\bBUG: KASAN', 'KASAN report'),
    (r'\bBUG: KFENCE', 'KFENCE report'),
    (r'\bUBSAN:', 'UBSAN report'),
    (r'watchdog: BUG: soft lockup', 'soft lockup'),
    (r'\bBUG: sleeping function called', 'sleep in atomic context'),
    (r'\bBUG: ', 'BUG'),
    (r'\bkernel BUG at ', 'BUG'),
    (r'WARNING: (possible|suspicious|inconsistent|bad (unlock|contention)|held lock|lock held|'
     r'Nested|chain_key)', 'lockdep report'),
    (r'-unsafe lock order detected|still has locks held!', 'lockdep report'),
    (r'INFO: trying to register non-static key|locking correctness validator', 'lockdep report'),
    (r'possible (circular|recursive) locking', 'lockdep report'),
    (r'DEBUG_LOCKS_WARN_ON', 'lockdep report'),
    (r'WARNING: CPU: \d+ PID:', 'WARN'),
    (r'\bWARNING: [\w./-]+:\d+ at ', 'WARN'),  # newer kernels
    (r'refcount_t: ', 'reference count error'),
    (r'kmemleak: \d+ new suspected memory leak', 'Kernel memory leak'),
    (r'unreferenced object 0x', 'Kernel memory leak'),
    (r'Kernel memory leak(?! detector)', 'Kernel memory leak'),
    (r'INFO: task .* blocked for more than', 'hung task'),
    (r'rcu.*(self-detected stall|detected stalls)', 'RCU stall'),
    (r'Objects remaining in \S+ on (__)?kmem_cache_shutdown', 'Kernel memory leak'),
    (r'list_(add|del) corruption', 'list corruption'),
    (r'Memory manager not clean during takedown', 'Kernel memory leak'),
]
_SPLAT = re.compile('|'.join(f'(?:{pattern})' for pattern, _ in SPLATS))
# Written to the log by tests/vm/run-list before each test.
_MARK = re.compile(r'egret-test: begin (\S+)')


def classify(line):
    """What kind of splat a line begins, or None."""
    if not _SPLAT.search(line):
        return None
    for pattern, kind in SPLATS:
        if re.search(pattern, line):
            return kind
    return None


def find_splats(text):
    """All splats in a console log: a list of (kind, line, test or None)."""
    found = []
    test = None
    for line in text.splitlines():
        mark = _MARK.search(line)
        if mark:
            test = mark.group(1)
        kind = classify(line)
        if kind:
            found.append((kind, line.strip(), test))
    return found
