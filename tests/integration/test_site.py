# SPDX-License-Identifier: GPL-2.0-only
"""The documents build as a site."""

import subprocess
import sys
from pathlib import Path

from lazymmu.support.project import ROOT


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    site = tmp_path / "site"
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", "docs", ".", str(site)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    index = (site / "docs" / "index.html").read_text()
    for page in ("tutorial", "how-to/ci", "command-line", "architecture", "decisions/guests"):
        assert f'href="{page}.html"' in index
    assert (site / "docs" / f"{page}.html").exists()
