"""The package as it is installed."""

import shutil
import subprocess
import sys
from email.parser import HeaderParser
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest
import rialto_client

CLIENT = Path(__file__).parents[3] / "client"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but the installed package. Built from a copy: the tree stays clean."""
    source, target = tmp_path_factory.mktemp("source") / "client", tmp_path_factory.mktemp("site")
    shutil.copytree(CLIENT, source, ignore=shutil.ignore_patterns("__pycache__"))
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--no-compile", "--disable-pip-version-check"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", *options, "--target", target, source],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return target


def test_every_module_is_installed_and_typed(site: Path) -> None:
    modules = _files(CLIENT / "src/rialto_client")

    assert _files(site / "rialto_client") == modules
    assert {"py.typed", "cli/app.py"} <= modules


def _files(package: Path) -> set[str]:
    files = (path.relative_to(package) for path in package.rglob("*") if path.is_file())
    return {path.as_posix() for path in files if "__pycache__" not in path.parts}


def test_it_names_what_it_needs(site: Path) -> None:
    (metadata,) = site.glob("rialto_client-*.dist-info")
    distribution = PathDistribution(metadata)
    headers = HeaderParser().parsestr(str(distribution.read_text("METADATA")))

    assert headers["Name"] == "rialto-client"
    assert headers["Requires-Python"] == ">=3.11"
    assert distribution.requires == [
        "httpx==0.28.*",
        "pydantic==2.*",
        'botocore==1.*; extra == "aws"',
        'rich==15.*; extra == "cli"',
        'typer==0.29.*; extra == "cli"',
    ]
    assert "async with Client" in str(headers.get_payload())


def test_it_is_imported_alone(site: Path) -> None:
    names = ", ".join(rialto_client.__all__)
    script = f"import sys; sys.path.insert(0, {str(site)!r}); import rialto_client; print(rialto_client.__file__)\n"
    script += f"from rialto_client import {names}"

    # -I: neither the checkout nor the environment is on the path.
    run = subprocess.run([sys.executable, "-I", "-B", "-c", script], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == str(site / "rialto_client" / "__init__.py")


def test_the_command_is_installed(site: Path) -> None:
    script = f"import sys; sys.path.insert(0, {str(site)!r}); sys.argv = ['rialto', '--version']\n"
    script += (site / "bin" / "rialto").read_text()

    run = subprocess.run([sys.executable, "-I", "-B", "-c", script], capture_output=True, text=True, check=True)

    assert run.stdout == "rialto 0.1.0\n"


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_the_package_works_without_its_extra_and_the_command_says_what_it_needs(site: Path, missing: str) -> None:
    script = f"import sys; sys.path.insert(0, {str(site)!r}); sys.modules[{missing!r}] = None\n"
    script += "import rialto_client; from rialto_client.cli import main; main()"

    run = subprocess.run([sys.executable, "-I", "-B", "-c", script], capture_output=True, text=True, check=False)

    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == "The command line needs typer and rich: pip install 'rialto-client[cli]'\n"


def test_all_is_what_there_is() -> None:
    assert sorted(rialto_client.__all__) == rialto_client.__all__
    assert all(hasattr(rialto_client, name) for name in rialto_client.__all__)
