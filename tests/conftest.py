# SPDX-License-Identifier: Apache-2.0
"""Lets every test read the loop counts."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
