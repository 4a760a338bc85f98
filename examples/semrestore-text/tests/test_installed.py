"""Says why the other tests of this folder do not run where a package is missing."""

import pytest


def test_the_package_and_the_networks_are_installed(missing):
    if missing:
        pytest.skip(
            f'{", ".join(missing)} not installed, so nothing of examples/semrestore-text is tested:'
            " pip install -e 'examples/semrestore-text[test]'"
        )
