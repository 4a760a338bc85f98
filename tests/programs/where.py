"""Say where the packages are that a user would import."""

import semrestore_detection

import semrestore

print(semrestore.__file__, semrestore_detection.__file__)
