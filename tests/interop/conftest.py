# SPDX-License-Identifier: Apache-2.0
"""Lets these tests use the helpers of the integration tests."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
