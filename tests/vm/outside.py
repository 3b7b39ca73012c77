# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""Tests that do something to the machine from outside while it runs.

A program in the machine that needs something prints a line

    # monitor: {"execute": "qom-set", "arguments": {...}}

with a command of QEMU's monitor protocol; converse() runs the program in a machine and
carries the commands out. The program sees what they did, so nothing is sent back.
"""

import json
import os
import re
import subprocess
import tempfile

from monitor import Monitor

REQUEST = re.compile(r'# monitor: (\{.*\})\s*$')


def converse(options, command):
    """Run COMMAND in a machine (tests/vm/run OPTIONS -- COMMAND); its exit status."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'monitor')
        with subprocess.Popen(['tests/vm/run', f'--qmp={path}', *options, '--', *command],
                              stdout=subprocess.PIPE, text=True) as machine:
            monitor = error = None
            for line in machine.stdout:
                print(line, end='', flush=True)
                request = REQUEST.match(line)
                if not request or error:
                    continue
                try:
                    monitor = monitor or Monitor(path)
                    carry_out(monitor, **json.loads(request[1]))
                except (RuntimeError, OSError) as failure:
                    error = failure
                    print(f'# monitor: error: {error}', flush=True)
                    # It shows its console then, and is read to the end.
                    machine.terminate()
            return machine.wait() or (1 if error else 0)


def carry_out(monitor, execute, arguments=None):
    arguments = arguments or {}
    if execute == 'device_add':
        # One of the same name, which the guest has let go of, goes in its own time.
        monitor.await_gone(arguments['id'])
    monitor(execute, **arguments)
