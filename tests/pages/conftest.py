import pytest
from pages.commands import pages


@pytest.fixture(scope="session")
def shown() -> dict[str, str]:
    """Every page, README included, by its path from the root of the repository."""
    return pages()
