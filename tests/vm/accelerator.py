# SPDX-License-Identifier: MIT
"""Choose between KVM and emulation (TCG) for the test VM."""

import os


def choose(_qemu, _kernel, _cache):
    """`kvm' or `tcg'."""
    return os.environ.get('EGRET_VM_ACCEL') or 'tcg'
