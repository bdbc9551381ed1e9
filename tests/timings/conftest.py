from experiment.conftest import settings_of  # noqa: F401 (A fixture.)
