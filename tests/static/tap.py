# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""Test Anything Protocol on standard output."""


class Tap:
    """Results, as they come; plan() at the end returns the exit status."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def report(self, name, problem, skip=None):
        """A test has failed if there is a problem, a text that says what it is."""
        self.count += 1
        if skip:
            print(f"ok {self.count} - {name} # SKIP {skip}")
            return
        if problem:
            self.failed += 1
            for line in problem.splitlines():
                print("# " + line)
        print(f"{'not ok' if problem else 'ok'} {self.count} - {name}", flush=True)

    def plan(self):
        print(f"1..{self.count}")
        return 1 if self.failed else 0
