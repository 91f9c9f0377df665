"""The shared expectations show what they compared, as asserts in a test do."""

import pytest

pytest.register_assert_rewrite("tests.vignettes.expectations")
