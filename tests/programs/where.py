"""Say where the packages are that a user would import."""

import semrestore_stripes

import semrestore

print(semrestore.__file__, semrestore_stripes.__file__)
