# SPDX-License-Identifier: GPL-2.0-only
"""Reports of a run, each made from the same results: for a person, as JSON, JUnit and KTAP, and a folder of all."""
