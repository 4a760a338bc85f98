"""Set up all tests: one thread a process, no network, and the fixtures of ``tests/fixtures.py``."""

import gc
import ipaddress
import os
import sys

if 'PYTEST_XDIST_WORKER' in os.environ:  # before torch is imported, and for what the tests start
    os.environ['OMP_NUM_THREADS'] = '1'

# What is started goes by a proxy that is not there; what is here, below.
os.environ |= dict.fromkeys(
    ('http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'all_proxy'), 'http://127.0.0.1:9'
)
os.environ |= dict.fromkeys(('no_proxy', 'NO_PROXY'), 'localhost,127.0.0.1')
os.environ['HF_HUB_OFFLINE'] = '1'  # or it tries five times

collect_ignore = ['setup.py', 'tests/preloaded.py', 'tests/programs']  # imported or run by tests, not by pytest


def _stay_offline(event, arguments):
    if event == 'socket.connect':
        host = arguments[1][0] if isinstance(arguments[1], tuple) else 'localhost'  # a path: a socket of this machine
    elif event == 'socket.getaddrinfo':
        host = arguments[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    try:
        local = host in (None, '', 'localhost') or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        raise RuntimeError(f'tests use no network, and this one asks for {host}')


sys.addaudithook(_stay_offline)


def pytest_configure(config):
    """Load the fixtures where tests run. The process that shares them out would import torch for seconds first."""
    if not config.getoption('numprocesses', None):
        config.pluginmanager.import_plugin('tests.fixtures')
    else:
        import yapf  # noqa: F401 (it writes its grammar to a cache, which several processes would read half-written)


def pytest_collection_modifyitems(items):
    """Start the files that take minutes first, so that two processes end together."""
    slow = {item.path for item in items if item.get_closest_marker('slow')}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish():
    """Exclude imported objects from garbage collection."""
    gc.freeze()
