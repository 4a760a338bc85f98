"""Say where the packages are that a user would import."""

import semrestore_tidy_degradation

import semrestore

print(semrestore.__file__, semrestore_tidy_degradation.__file__)
