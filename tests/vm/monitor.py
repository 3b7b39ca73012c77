# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""A machine that is saved while it runs, and goes on from what was saved.

Either in another QEMU (move), as after a migration to another host, or in the same
one (rewind), which loads an older state over its present one.
"""

import json
import os
import socket
import time

PATIENCE = 300
NODE = 'snapshots'


class Monitor:
    """A connection to QEMU's monitor, of which one thing is asked."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE)
        self._socket.connect(path)
        self._stream = self._socket.makefile('rw', encoding='utf-8')
        self._answer()      # the greeting
        self('qmp_capabilities')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stream.close()
        self._socket.close()

    def _answer(self):
        while True:
            line = self._stream.readline()
            if not line:
                raise ConnectionError('QEMU has closed its monitor')
            message = json.loads(line)
            if 'error' in message:
                raise RuntimeError(message['error']['desc'])
            if 'return' in message:
                return message['return']
            if 'QMP' in message:
                return None

    def __call__(self, command, **arguments):
        json.dump({'execute': command, 'arguments': arguments}, self._stream)
        self._stream.write('\n')
        self._stream.flush()
        return self._answer()

    def _until(self, look, what):
        deadline = time.monotonic() + PATIENCE
        while not look():
            if time.monotonic() > deadline:
                raise RuntimeError(f'{what} takes too long')
            time.sleep(0.02)

    def await_gone(self, device):
        """Wait until no device has this ID."""
        self._until(lambda: device not in [child['name'] for child in
                                           self('qom-list', path='/machine/peripheral')],
                    f'the end of device {device}')

    def job(self, command, name, **arguments):
        """A command that goes on in the background, until it has ended."""
        self(command, **{'job-id': name}, **arguments)
        self._until(lambda: self._job(name)['status'] == 'concluded', command)
        error = self._job(name).get('error')
        self('job-dismiss', id=name)
        if error:
            raise RuntimeError(f'{command}: {error}')

    def _job(self, name):
        return next(job for job in self('query-jobs') if job['id'] == name)

    def save(self, path):
        """Save the machine to a file, and end it."""
        self('migrate-set-parameters', **{'max-bandwidth': 1 << 40})
        self('migrate', uri=f'file:{path}')
        self._until(lambda: self('query-migrate').get('status') in ('completed', 'failed'), 'saving')
        result = self('query-migrate')
        if result['status'] != 'completed':
            raise RuntimeError(f"saving failed: {result.get('error-desc', 'no reason given')}")
        self('quit')

    def snapshot(self, folder):
        """Save the machine inside of itself."""
        path = os.path.join(folder, 'snapshots')
        self.job('blockdev-create', 'file', options={
            'driver': 'file', 'filename': path, 'size': 0})
        self('blockdev-add', driver='file', **{'node-name': 'snapshot-file'}, filename=path)
        self.job('blockdev-create', 'image', options={
            'driver': 'qcow2', 'file': 'snapshot-file', 'size': 1 << 20})
        self('blockdev-add', driver='qcow2', **{'node-name': NODE}, file='snapshot-file')
        self.job('snapshot-save', 'save', tag='now', vmstate=NODE, devices=[NODE])

    def rewind(self):
        """Go back to where snapshot() was called."""
        self('stop')
        self.job('snapshot-load', 'load', tag='now', vmstate=NODE, devices=[NODE])
        self('cont')
